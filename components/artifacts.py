"""The artifact types that TFX lacks."""

from tfx.types.artifact import Artifact


class DataVerdict(Artifact):
    """What DataGate saw in data that it let through.

    Holds ``checks.json`` and what later data is compared with.
    """

    TYPE_NAME = "DataVerdict"


class DataAuditResult(Artifact):
    """What DataAudit measured of the records, and the worst of them.

    Holds ``audit.json``, ``suspects.csv``, pictures of suspects and ``profile.npz``.
    """

    TYPE_NAME = "DataAudit"


class ModelChoice(Artifact):
    """Why a resolver chose the model that it did, or none: ``choice.json``."""

    TYPE_NAME = "ModelChoice"
