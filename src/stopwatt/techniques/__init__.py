"""What is done to a model before a backend gets it, to make it faster or smaller."""
