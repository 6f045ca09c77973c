"""What a call of a built-in workload has to compute and to move, by formulas of its own layers.

The families do not import this package: their code is part of the key of every cell, and a corrected formula must not
make what was measured look like something else.
"""
