"""What techniques stand on: backward rules, targets, incremental passes, the optimization loop."""
