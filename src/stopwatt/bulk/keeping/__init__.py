"""What a run keeps: its identity, journal and results."""
