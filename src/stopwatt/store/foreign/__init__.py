"""Tables that others made: measurements that stopwatt did not take, brought into the store with their source."""
