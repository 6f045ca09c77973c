"""One family or source of models, one file."""
