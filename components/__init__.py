"""What runs inside a node of the pipeline; nothing here imports ``pipeline``."""
