"""The signatures of an export, and the check that it can serve."""
