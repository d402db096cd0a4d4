"""Good data and default training, of which no gate may say anything.

Whole runs show that a model is pushed; the data nodes alone say the same of more draws.
"""

import pytest

from components.checkout import PROJECT_ROOT
from components.data.audit_findings import DISAGREEMENT, UNLIKE
from components.gates import DATA, GATES
from tests.defects.bench import Bench, stop_after_data_gate
from tests.defects.draws import Draw, drawn, fashion, fashion_folder, mnist
from tests.defects.small_data import SIZES

FIVE_HUNDRED = {"train": 500, "val": 500, "test": 500}
FIVE_THOUSAND = {"train": 5000, "val": 5000, "test": 5000}
FEW = ("--set", "data_gate.min_train=500")
MNIST = (
    *(Draw(f"seed {seed}", seed, SIZES, whole=True) for seed in range(8)),
    *(Draw(f"500 a split, seed {s}", s, FIVE_HUNDRED, args=FEW) for s in range(10, 18)),
    *(Draw(f"5,000 a split, seed {s}", s, FIVE_THOUSAND) for s in range(20, 27)),
    Draw("all records", 30, None, whole=True),
    *(Draw(f"all records, seed {s}", s, None) for s in range(31, 34)),
)
# As the quick preset has them for digits: clothes are harder to tell apart.
CLOTHES = (
    f"--config={PROJECT_ROOT / 'configs' / 'fashion.toml'}",
    *("--set", "evaluation.min_accuracy=0.7", "--set", "evaluation.max_loss=0.9"),
    *("--set", "evaluation.min_digit_accuracy=0.3"),
    *("--set", "evaluation.warn_slice_accuracy=0.55"),
    *("--set", "evaluation.min_slice_accuracy=0.45"),
)
FASHION = (
    Draw("Fashion-MNIST, seed 41", 41, SIZES, whole=True, args=CLOTHES),
    Draw("Fashion-MNIST, seed 42", 42, SIZES, args=CLOTHES),
    Draw("Fashion-MNIST, 500 a split", 43, FIVE_HUNDRED, args=(*CLOTHES, *FEW)),
    Draw("Fashion-MNIST, 5,000 a split", 44, FIVE_THOUSAND, args=CLOTHES),
)


def _case(draw: Draw):
    return pytest.param(draw, id=draw.name, marks=pytest.mark.e2e if draw.whole else ())


@pytest.mark.parametrize("draw", [_case(draw) for draw in MNIST])
def test_good_data(bench, record_property, draw: Draw) -> None:
    bench.write(drawn(mnist(), draw))
    assert_clean(bench, draw, record_property)


@pytest.fixture(scope="module")
def kept_fashion(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    """A bench with clothes and the model that a run pushed from them."""
    folder = fashion_folder()
    if not folder.is_dir():
        pytest.skip(f"Fashion-MNIST is not in {folder}: dataset-fashion-mnist")
    bench = Bench(tmp_path_factory.mktemp("fashion"), pipeline="fashion")
    first = Draw("first", 40, SIZES, whole=True, args=CLOTHES)
    bench.write(drawn(fashion(), first))
    finished = bench.run(*first.args)
    assert (finished.code, finished.failed()) == (0, []), finished.screen
    bench.keep()
    return bench


@pytest.mark.parametrize("draw", [_case(draw) for draw in FASHION])
def test_good_clothes(kept_fashion: Bench, record_property, draw: Draw) -> None:
    kept_fashion.reset()
    kept_fashion.write(drawn(fashion(), draw))
    assert_clean(kept_fashion, draw, record_property)


def assert_clean(bench: Bench, draw: Draw, record_property) -> None:
    """Runs beside a model that serves, so that its answers and drift are measured."""
    [before] = bench.served().versions
    seed = f"train.seed={draw.seed}"
    stop = [] if draw.whole else [stop_after_data_gate]
    finished = bench.run(*draw.args, "--set", seed, before=stop)
    summary = finished.summary
    record_property("exit_code", finished.code if draw.whole else None)
    record_property("seconds", finished.seconds)
    assert finished.failed() == [], finished.screen
    gates = {check["gate"] for check in summary["checks"]}
    if draw.whole:
        assert (finished.code, summary["status"]) == (0, "pushed"), finished.screen
        assert summary["baseline"] is not None
        assert summary["model"]["version"] == str(bench.served().versions[-1])
        assert bench.served().versions[0] == before
        assert gates == {gate.id for gate in GATES}
    else:
        assert gates == {DATA.id}, finished.screen
    found = {check["name"] for check in summary["checks"]}
    # Were the model not asked, silence would mean little.
    assert {UNLIKE, DISAGREEMENT} <= found
    record_property("message", f"{len(summary['checks'])} checks passed")
