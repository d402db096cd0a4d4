"""What ``predict`` has to know of a pushed model besides its signatures."""

import json
from pathlib import Path

import attrs

from components.hyperparameters import Fit
from components.image_spec import MNIST, ImageSpec
from components.pictures.preparation import Ground
from components.pictures.trust import Bounds

FACTS_FILE = "assets.extra/pictures.json"


@attrs.frozen
class PictureFacts:
    """How a model takes pictures.

    Attributes:
      fit: how they are fitted.
      ground: of the images that it was trained on.
      spec: size of its input and number of its classes.
    """

    fit: Fit
    ground: Ground
    spec: ImageSpec = MNIST


AS_MNIST = PictureFacts("ink", "black")


def write_facts(export: Path, pictures: PictureFacts, bounds: Bounds | None) -> None:
    """Writes ``pictures.json`` beside the model."""
    file = export / FACTS_FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    values = {**attrs.asdict(pictures), "trust": bounds and attrs.asdict(bounds)}
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read_facts(export: Path) -> tuple[PictureFacts, Bounds | None] | None:
    """Reads ``pictures.json``; None where a model was exported without."""
    file = export / FACTS_FILE
    if not file.is_file():
        return None
    values = json.loads(file.read_text(encoding="utf-8"))
    bounds = values["trust"] and Bounds(**values["trust"])
    # Those of earlier code are all of MNIST's size.
    spec = ImageSpec(**values["spec"]) if "spec" in values else MNIST
    return PictureFacts(values["fit"], values["ground"], spec), bounds
