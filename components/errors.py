"""The errors that reach a person as one clear message instead of a traceback."""


class PipelineError(Exception):
    """Something a person can act on.

    The message says what was expected, what was received and what to do next.
    ``exit_code`` is what the command line returns.
    """

    exit_code = 1


class UsageError(PipelineError):
    """Wrong options or configuration."""

    exit_code = 2


class DatasetError(PipelineError):
    """Data files that are missing, damaged or not in the record layout."""
