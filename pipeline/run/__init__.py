"""One run from start to end: execution, outcome, and what people see of it."""
