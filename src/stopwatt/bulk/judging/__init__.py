"""What a run is held to, and held back by: ceilings, telemetry, bottleneck, better layouts."""
