"""Operators of models as frozen values, and what follows from them alone: work, families, composition, summaries."""
