"""From what operators took to what others will take: features, models, intervals, and what to measure next."""

from stopwatt.predicting.family import Forecast
from stopwatt.predicting.predictor import Predictor, fit

__all__ = ["Forecast", "Predictor", "fit"]
