"""Pictures that show none of the classes, and how often a model is sure of them.

Pure functions; ModelAudit shows the pictures to the exported model.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from components.checks import Check, graded
from components.classes import DIGITS
from components.data.contact_sheet import contact_sheet
from components.evaluation.answers import PictureAnswers
from components.evaluation.audit_files import UNKNOWN, UNKNOWN_FILE
from components.evaluation.letters import read_letters
from components.features import MAX_PIXEL, TEST
from components.gate_settings import ModelGateSettings
from components.gates import MODEL

SURE_OF_KNOWN = "sure of the known"
SHAPELESS, LETTERS = "shapeless", "letters"
_ON_A_SHEET = 24
_ADVICE = (
    "The model is sure of pictures that show none of its classes ({slice}: {sure} of "
    "{count}; the report shows them). Train with augmentation and label smoothing, or "
    "show it such pictures; whoever sends it anything must not trust its confidence. "
    "If that is good enough, {{setting}}."
)

_UNSURE = (
    "Of {count} pictures of the test split the model calls no more than {sure} sure: "
    "whoever sends it pictures gets no answer to rely on. Look at how predict_image "
    "prepares them, and at the bounds of trust beside the export. If that is good "
    "enough, {{setting}}."
)


def unknown_pictures(
    size: tuple[int, int], classes: Sequence[str]
) -> dict[str, np.ndarray]:
    """Returns pictures by kind, each uint8 [n, height, width].

    Args:
      size: height and width.
      classes: names of the classes; letters are unknown to digits alone.
    """
    pictures = {SHAPELESS: shapeless(size)}
    if tuple(classes) == DIGITS:
        pictures[LETTERS] = read_letters(size)
    return pictures


def shapeless(size: tuple[int, int]) -> np.ndarray:
    """Draws static, even greys, stripes, gradients and checkerboards.

    Returns:
      uint8 [n, height, width], the same ones each time.
    """
    height, width = size
    rows, columns = np.mgrid[:height, :width]
    down, across = rows / (height - 1), columns / (width - 1)
    narrow, wide = max(2, height // 14), max(3, height // 7)
    greys = [np.full(size, grey) for grey in (0.0, 0.25, 0.5, 0.75, 1.0)]
    stripes = [
        place // thick % 2
        for place in (rows, columns, rows + columns, rows - columns)
        for thick in (narrow, wide)
    ]
    stripes += [rows % 2, columns % 2]
    gradients = [down, 1 - down, across, 1 - across, (down + across) / 2]
    gradients.append(np.hypot(down - 0.5, across - 0.5) * np.sqrt(2))
    boards = [
        (rows // cell + columns // cell) % 2
        for cell in (1, narrow, wide, max(4, height // 4))
    ]
    drawn = np.array([*_static(size), *greys, *stripes, *gradients, *boards])
    return np.round(drawn * MAX_PIXEL).astype(np.uint8)


def _static(size: tuple[int, int]) -> np.ndarray:
    """Noise of all greys, of black and white, sparse and coarse, in [0, 1]."""
    grey, halves, sparse, coarse = np.random.default_rng(0).random((4, 4, *size))
    blocks = coarse[:, ::4, ::4].repeat(4, axis=1).repeat(4, axis=2)
    return np.concatenate(
        [grey, halves < 0.5, sparse < 0.1, blocks[:, : size[0], : size[1]]]
    )


def unknown_checks(
    answers: Mapping[str, PictureAnswers], settings: ModelGateSettings
) -> list[Check]:
    """Holds the share of each kind that is answered with confidence to its bounds."""
    if settings.unknown == "off":
        return []
    return [_check(kind, answer.sure, settings) for kind, answer in answers.items()]


def _check(kind: str, sure: np.ndarray, settings: ModelGateSettings) -> Check:
    warn, stop = f"warn_sure_{kind}", f"max_sure_{kind}"
    return graded(
        (f"evaluation.{warn}", getattr(settings, warn)),
        (f"evaluation.{stop}", getattr(settings, stop)),
        _ADVICE.format(slice=kind, sure=sure.sum(), count=len(sure)),
        gate=MODEL.id,
        name=UNKNOWN,
        slice=kind,
        value=float(sure.mean()),
        policy=settings.unknown,
    )


def known_checks(answers: PictureAnswers, settings: ModelGateSettings) -> list[Check]:
    """Returns the check that a model is sure of pictures which do show its classes.

    None where nothing was measured that it could be sure by.

    Args:
      answers: to pictures of the test split.
      settings: the bounds.
    """
    if settings.unknown == "off" or not answers.judged:
        return []
    return [
        graded(
            ("evaluation.warn_sure_known", settings.warn_sure_known),
            ("evaluation.min_sure_known", settings.min_sure_known),
            _UNSURE.format(sure=answers.sure.sum(), count=len(answers.sure)),
            gate=MODEL.id,
            name=SURE_OF_KNOWN,
            slice=TEST,
            value=float(answers.sure.mean()),
            policy=settings.unknown,
            direction="at least",
        )
    ]


def draw_unknown(
    directory: str | Path,
    answers: Mapping[str, PictureAnswers],
    classes: Sequence[str],
) -> dict[str, dict[str, int]]:
    """Draws the pictures that were answered with most confidence.

    Args:
      directory: gets ``UNKNOWN_FILE``, unless there are none.
      answers: by kind.
      classes: their names.

    Returns:
      Of each kind, how many ``pictures`` and of how many the model is ``sure``.
    """
    sure = [
        (float(answer.confidence[at]), int(answer.predicted[at]), answer.pictures[at])
        for answer in answers.values()
        for at in np.flatnonzero(answer.sure)
    ]
    sure = sorted(sure, key=lambda one: -one[0])[:_ON_A_SHEET]
    if sure:
        captions = [
            f"{classes[label]} {100 * confidence:.0f} %"
            for confidence, label, _ in sure
        ]
        sheet = contact_sheet(np.array([picture for *_, picture in sure]), captions)
        sheet.save(Path(directory) / UNKNOWN_FILE, optimize=True)
    return {
        kind: {"pictures": len(answer.sure), "sure": int(answer.sure.sum())}
        for kind, answer in answers.items()
    }
