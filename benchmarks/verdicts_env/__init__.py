"""What the page on verdicts is made of."""
