"""The artifact types that TFX lacks."""

from tfx.types.artifact import Artifact


class DataVerdict(Artifact):
    """What DataGate saw in data that it let through.

    Holds ``checks.json`` and what later data is compared with.
    """

    TYPE_NAME = "DataVerdict"


class ModelChoice(Artifact):
    """Why a resolver chose the model that it did, or none: ``choice.json``."""

    TYPE_NAME = "ModelChoice"
