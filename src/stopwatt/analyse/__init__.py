"""From stored measurements to summaries and verdicts."""
