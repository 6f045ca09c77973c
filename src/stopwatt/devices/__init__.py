"""Processors and what is known of the machine."""
