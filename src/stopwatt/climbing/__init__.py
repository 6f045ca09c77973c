"""One technique after another: what each of them buys, alone, on top of the others, and on the whole."""
