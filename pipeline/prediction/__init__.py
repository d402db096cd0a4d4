"""Predictions of a pushed model on pictures and on records."""
