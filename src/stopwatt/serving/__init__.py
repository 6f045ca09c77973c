"""What a model needs around it to serve images: which pixels it is given, and what its outputs mean. Pure values."""
