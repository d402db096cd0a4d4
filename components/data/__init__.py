"""Examples, their statistics, and the gate that judges the data."""
