"""Kubeflow Pipelines: compiled, submitted, and each task of a run."""
