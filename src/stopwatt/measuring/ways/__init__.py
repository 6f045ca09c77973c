"""Time one model in many ways, right and wrong, side by side in one process."""
