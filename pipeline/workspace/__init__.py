"""The folder of all that runs write: whose it is, and who may use it now."""
