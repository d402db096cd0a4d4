"""The manifests and the image name what the compiled pipeline names."""

import re
from typing import Any

import pytest
import yaml

from components.checkout import PROJECT_ROOT
from pipeline.kubeflow_settings import KubeflowSettings

FOLDER = PROJECT_ROOT / "deployment"
SETTINGS = KubeflowSettings()
DOCKERFILE = (FOLDER / "Dockerfile").read_text()
USER = "10001"

Manifest = dict[str, Any]


def kustomization() -> Manifest:
    return yaml.safe_load((FOLDER / "kubeflow" / "kustomization.yaml").read_text())


def manifests() -> dict[tuple[str, str], Manifest]:
    found = [
        one
        for name in kustomization()["resources"]
        for one in yaml.safe_load_all((FOLDER / "kubeflow" / name).read_text())
    ]
    return {(one["kind"], one["metadata"]["name"]): one for one in found}


def pods() -> dict[str, Manifest]:
    return {
        name: one["spec"]["template"]["spec"]
        for (_, name), one in manifests().items()
        if "template" in one["spec"]
    }


def database() -> Manifest:
    [container] = pods()[SETTINGS.metadata_host]["containers"]
    return container


def test_all_manifests_are_applied() -> None:
    files = {path.name for path in (FOLDER / "kubeflow").glob("*.yaml")}

    assert files == {*kustomization()["resources"], "kustomization.yaml"}
    assert set(manifests()) == {
        ("Service", "mnist-metadata"),
        ("StatefulSet", "mnist-metadata"),
        ("NetworkPolicy", "mnist-metadata"),
        ("PersistentVolumeClaim", "mnist-workspace"),
        ("Job", "mnist-workspace-owner"),
    }


def test_the_service_is_the_metadata_host() -> None:
    service = manifests()["Service", SETTINGS.metadata_host]["spec"]
    stateful_set = manifests()["StatefulSet", SETTINGS.metadata_host]["spec"]
    labels = stateful_set["template"]["metadata"]["labels"]

    assert [port["port"] for port in service["ports"]] == [SETTINGS.metadata_port]
    assert service["selector"].items() <= labels.items()
    assert stateful_set["serviceName"] == SETTINGS.metadata_host


def test_the_database_and_its_user_are_those_of_the_settings() -> None:
    environment = {one["name"]: one["value"] for one in database()["env"]}

    assert environment["POSTGRES_DB"] == SETTINGS.metadata_database
    assert environment["POSTGRES_USER"] == SETTINGS.metadata_user


def test_the_secret_is_made_of_a_file_that_git_ignores() -> None:
    [secret] = kustomization()["secretGenerator"]
    [volume] = pods()[SETTINGS.metadata_host]["volumes"]

    assert secret == {"name": SETTINGS.secret, "files": ["password"]}
    assert kustomization()["generatorOptions"] == {"disableNameSuffixHash": True}
    assert volume["secret"]["secretName"] == SETTINGS.secret
    ignored = (PROJECT_ROOT / ".gitignore").read_text().splitlines()
    assert "deployment/kubeflow/password" in ignored


def test_the_probes_ask_the_database() -> None:
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        command = database()[probe]["exec"]["command"]
        assert command[0] == "pg_isready"
        assert f"--dbname={SETTINGS.metadata_database}" in command


def test_only_tasks_of_kfp_reach_the_database() -> None:
    policy = manifests()["NetworkPolicy", SETTINGS.metadata_host]["spec"]
    [rule] = policy["ingress"]

    assert policy["policyTypes"] == ["Ingress", "Egress"]
    assert rule["from"] == [
        {
            "podSelector": {
                "matchLabels": {"pipelines.kubeflow.org/v2_component": "true"}
            }
        }
    ]
    assert rule["ports"] == [{"port": SETTINGS.metadata_port, "protocol": "TCP"}]
    assert policy["egress"] == []


def test_the_workspace_belongs_to_the_user_of_the_image() -> None:
    assert ("PersistentVolumeClaim", SETTINGS.volume_claim) in manifests()
    [container] = pods()["mnist-workspace-owner"]["containers"]
    [volume] = pods()["mnist-workspace-owner"]["volumes"]

    assert container["command"] == ["chown", f"{USER}:{USER}", SETTINGS.workspace]
    assert volume["persistentVolumeClaim"]["claimName"] == SETTINGS.volume_claim
    assert f"\nUSER {USER}\n" in DOCKERFILE
    assert f"--uid {USER}" in DOCKERFILE


@pytest.mark.parametrize("name", ["mnist-metadata", "mnist-workspace-owner"])
def test_no_container_may_gain_rights(name: str) -> None:
    for container in pods()[name]["containers"]:
        context = container["securityContext"]
        assert context["allowPrivilegeEscalation"] is False
        assert context["capabilities"]["drop"] == ["ALL"]
        assert set(container["resources"]) == {"requests", "limits"}


def test_the_image_is_made_as_the_issue_asks() -> None:
    assert re.search(r"^ARG BASE_IMAGE=python:3\.12-slim-trixie$", DOCKERFILE, re.M)
    assert "requirements/tfx-1.21.txt" in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2
    assert DOCKERFILE.count("--no-cache") == 2
    assert "import pipeline.cluster.node" in DOCKERFILE


def test_the_image_holds_what_it_copies_and_nothing_else() -> None:
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*)$", DOCKERFILE, re.M)
        for word in line.split()[:-1]
    }
    allowed = {
        line[1:]
        for line in (PROJECT_ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }

    assert all((PROJECT_ROOT / path).exists() for path in copied | allowed)
    assert {path.split("/")[0] for path in copied} == {
        path.split("/")[0] for path in allowed
    }
    assert SETTINGS.data in allowed


def test_the_readme_names_what_there_is() -> None:
    text = (FOLDER / "README.md").read_text()

    for path in re.findall(r"\]\(([^)]+)\)", text):
        assert (FOLDER / path).exists(), path
    for name in (SETTINGS.secret, SETTINGS.volume_claim, USER):
        assert name in text


def test_no_probe_runs_beside_a_task() -> None:
    probes = re.findall(r"^HEALTHCHECK\s+(.*)$", DOCKERFILE, re.MULTILINE)

    assert probes == ["NONE"]
