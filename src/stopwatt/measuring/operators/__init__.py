"""Operators near the clock: how a model calls them, and how long each takes by itself."""
