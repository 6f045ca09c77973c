"""The only code near the clock. Imports neither console nor database."""
