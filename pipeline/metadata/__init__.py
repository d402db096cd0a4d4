"""The ML Metadata store: opened, checked and read."""
