"""What people look at. Reads `analyse`, computes nothing."""
