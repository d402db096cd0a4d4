"""The measured figures of README.md and docs/: a text for each name of a block.

A page holds a block between ``<!-- figures: NAME -->`` and ``<!-- end -->``;
``benchmarks.docs`` fills it in.
"""

import json
import re
import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.figures import percent_spread
from benchmarks.pages import HERE, by_recipe, count_defects
from benchmarks.tables import markdown
from components.errors import UsageError

_BLOCK = re.compile(
    r"^(?P<start><!-- figures: (?P<name>[\w-]+) -->\n).*?^(?P<end><!-- end -->)$",
    re.M | re.S,
)
_MARKER = re.compile(r"^<!-- (figures: .*|end) -->$", re.M)
# The lines of a run that README.md shows, besides the first and the last epoch.
_SHOWN = re.compile(
    r"^(run |test accuracy|✓|pushed|"
    r"  (DataAudit|DataGate|Trainer|ServingCheck|Evaluator|ModelAudit) )"
)
_EPOCH = re.compile(r"^    epoch (\d+)/(\d+) ")


def fill(page: str, text: str) -> str:
    """Returns the text of a page with each of its blocks as the JSON files give it.

    Args:
      page: its name, for the message.
      text: as it stands.

    Raises:
      UsageError: a block that nobody knows, or a marker without its other half.
    """

    def replace(match: re.Match[str]) -> str:
        name = match["name"]
        if name not in BLOCKS:
            raise UsageError(
                f"Expected a block of {page} to be one of {', '.join(BLOCKS)}. "
                f"Received: {name}. Correct the name in its first line."
            )
        return f"{match['start']}{BLOCKS[name]()}\n{match['end']}"

    if (markers := len(_MARKER.findall(text))) != 2 * len(_BLOCK.findall(text)):
        raise UsageError(
            f"Expected each '<!-- figures: NAME -->' of {page} to be followed by its "
            f"'<!-- end -->'. Received: {markers} such lines that do not pair up. Add "
            "the missing one."
        )
    return _BLOCK.sub(replace, text)


def read(name: str) -> Any:
    """Returns the content of a JSON file beside this module."""
    return json.loads((HERE / name).read_text(encoding="utf-8"))


def sample_run() -> str:
    """What ``make run`` prints, shortened, and of what it was recorded."""
    sample = read("sample.json")
    return (
        f"```\n{shorten(sample['output'])}\n```\n\n"
        f"Recorded on {sample['date']}: commit {sample['commit']}, TFX "
        f"{sample['tfx']}, {sample['machine']}."
    )


def shorten(output: str) -> str:
    """Leaves out of what a run printed all lines but those that tell most."""
    kept = []
    for line in output.splitlines():
        epoch = _EPOCH.match(line)
        if epoch and epoch[1] == epoch[2] != "1":
            kept.append("    ...")
        if line.startswith("test accuracy"):
            kept.append("")
        if _SHOWN.match(line) or (epoch and epoch[1] in ("1", epoch[2])):
            kept.append(line)
    return "\n".join(kept)


def platforms() -> str:
    """Each TFX line: where it runs, and what was tested there."""
    rows = [
        [
            f"{one['tfx']}, {one['python']}",
            one["platform"],
            f"`make test`: {one['passed']} passed, {one['failed']} failed, "
            f"{one['skipped']} skipped",
            f"{one['commit']}, {one['date']}",
        ]
        for one in sorted(read("platforms.json"), key=lambda one: one["tfx"])
    ]
    return _table(["TFX, Python", "tested on", "result", "commit, date"], rows)


def defects() -> str:
    """How many planted defects were caught."""
    measured = read("defects.json")
    return (
        f"{count_defects(measured['rows'])} TFX {measured['tfx']}, commit "
        f"{measured['commit']}, {measured['date']}."
    )


def mnist_accuracy() -> str:
    """Accuracy and training time of the presets."""
    return _accuracy("mnist")


def fashion_accuracy() -> str:
    """The same on Fashion-MNIST."""
    return _accuracy("fashion")


def _accuracy(data: str) -> str:
    header = [
        "preset",
        "TFX",
        "test accuracy, median (range)",
        "seeds",
        "training, s",
        "commit, date",
    ]
    rows = [
        [
            f"`{preset}`",
            line,
            percent_spread([seed["test"] for seed in seeds]),
            str(len(seeds)),
            f"{statistics.median(seed['seconds'] for seed in seeds):,.0f}",
            _latest(seeds),
        ]
        for (name, preset, _, line), seeds in by_recipe(read("accuracy.json")).items()
        if name == data
    ]
    return _table(header, rows)


def _latest(seeds: Sequence[Mapping[str, Any]]) -> str:
    last = max(seeds, key=lambda seed: seed["date"])
    return f"{last['commit']}, {last['date']}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return markdown(header, rows).replace("---:", "---")


BLOCKS = {
    "sample-run": sample_run,
    "platforms": platforms,
    "defects": defects,
    "mnist-accuracy": mnist_accuracy,
    "fashion-accuracy": fashion_accuracy,
}
