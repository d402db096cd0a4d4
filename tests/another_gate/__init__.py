"""A made-up gate, one more row of the table, and what has to follow it."""
