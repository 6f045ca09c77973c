"""What the verbs about operators show."""
