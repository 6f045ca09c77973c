"""What the benchmarks of bulk runs share, and the same work as others would write it."""
