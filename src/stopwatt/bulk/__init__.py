"""Dataset-scale runs: images in, results out, exactly once, with the bottleneck by name: `stopwatt run`."""
