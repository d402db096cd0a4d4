"""What the cluster is told about each task; part of the configuration.

``runner`` compiles it into the pipeline. Nothing here is a secret.
"""

from typing import Annotated, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from components.hyperparameters import STRICT

Cpu = Annotated[
    str,
    Field(pattern=r"^([0-9]*[.])?[0-9]+m?$", description="cores, like '500m' or '2'"),
]
Memory = Annotated[
    str,
    Field(
        pattern=r"^[0-9]+(Ei?|Pi?|Ti?|Gi?|Mi?|Ki?)?$", description="bytes, like '2Gi'"
    ),
]
# What Kubernetes allows as the name of an object.
ObjectName = Annotated[
    str,
    Field(
        pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$",
        max_length=63,
        description=(
            "a name that Kubernetes takes, of lower-case letters, digits and '-', the "
            "first and the last not '-', at most 63 in all"
        ),
    ),
]
SslMode = Literal["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]
MountPath = Annotated[
    str,
    Field(
        pattern=r"^(/[A-Za-z0-9._-]+)+$",
        description="an absolute path of letters, digits, '.', '_' and '-'",
    ),
]


@dataclass(frozen=True, config=STRICT)
class NodeResources:
    """What a task asks of the cluster and may not go beyond.

    Attributes:
      cpu_request: cores that it is promised.
      cpu_limit: cores that it may use at most.
      memory_request: memory that it is promised.
      memory_limit: memory that it may use at most.
    """

    cpu_request: Cpu = "500m"
    cpu_limit: Cpu = "2"
    memory_request: Memory = "2Gi"
    memory_limit: Memory = "4Gi"


@dataclass(frozen=True, config=STRICT)
class KubeflowSettings:
    """How the pipeline runs on Kubeflow Pipelines.

    Attributes:
      image: the image of every task; ``deployment/Dockerfile`` builds it.
      data: folder of the data in the container; the image holds MNIST there.
      volume_claim: the PersistentVolumeClaim that holds the workspace.
      workspace: where the tasks mount it.
      metadata_host: host of the PostgreSQL with the metadata.
      metadata_port: its port.
      metadata_database: the database in it.
      metadata_user: the user that it is opened by.
      metadata_sslmode: whether TLS is asked for and the server verified, as libpq
        names it; None leaves that to PostgreSQL.
      metadata_sslrootcert: file in the container with the CAs that the server is
        verified against; a key of the Secret is below ``secret_path``.
      metadata_sslcert: file with the client's certificate.
      metadata_sslkey: file with the key of the client's certificate.
      secret: the Secret whose key ``password`` is that user's password.
      secret_path: where the tasks mount it.
      retries: how often a task that fails is tried again.
      resources: of each task.
      nodes: resources of single nodes, by their id; what is left out here is as in
        ``NodeResources``.
    """

    image: Annotated[str, Field(min_length=1)] = "mnist-tfx:latest"
    data: str = "data/mnist"
    volume_claim: ObjectName = "mnist-workspace"
    workspace: MountPath = "/workspace"
    metadata_host: Annotated[str, Field(min_length=1)] = "mnist-metadata"
    metadata_port: Annotated[int, Field(ge=1, le=65535)] = 5432
    metadata_database: Annotated[str, Field(min_length=1)] = "mnist"
    metadata_user: Annotated[str, Field(min_length=1)] = "mnist"
    metadata_sslmode: SslMode | None = None
    metadata_sslrootcert: MountPath | None = None
    metadata_sslcert: MountPath | None = None
    metadata_sslkey: MountPath | None = None
    secret: ObjectName = "mnist-metadata"
    secret_path: MountPath = "/var/run/secrets/mnist-metadata"
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    resources: NodeResources = NodeResources()
    nodes: dict[str, NodeResources] = Field(default_factory=dict)

    def resources_of(self, node_id: str) -> NodeResources:
        """Returns the resources of a node."""
        return self.nodes.get(node_id, self.resources)
