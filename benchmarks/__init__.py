"""Measures the pipeline; ``make bench`` runs ``benchmarks.run``."""
