"""What `stopwatt ops` and `stopwatt predict` do, as functions: capture, measure, explain, fit, plan, predict."""
