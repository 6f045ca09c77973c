"""One runtime, one file."""
