"""stopwatt: measure, explain, predict and choose how a neural network runs at inference."""

__version__ = "0.1.0"
