"""The figures: one file each, pure functions from what `analyse` found to an Altair chart."""
