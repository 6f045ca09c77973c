"""From files to outcomes: decoders, slots, workers, and who coordinates them."""
