"""The subcommands of ``mnist-pipeline``, one module each.

These modules are imported to print the help page, so they import TensorFlow and
TFX only inside the functions that use them.
"""
