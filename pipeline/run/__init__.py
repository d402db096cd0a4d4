"""One run from start to end: its nodes, its outcome, and what people see of it."""
