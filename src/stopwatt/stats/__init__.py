"""Pure functions on numpy arrays; every one names its source."""
