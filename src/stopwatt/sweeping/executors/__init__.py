"""Where rounds run: in this process, or in fresh ones."""
