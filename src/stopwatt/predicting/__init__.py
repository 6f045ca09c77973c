"""From what operators took to what others will take: features, models, intervals, and what to measure next."""
