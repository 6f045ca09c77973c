"""Simulated instruments with known truth, and what is made of them."""
