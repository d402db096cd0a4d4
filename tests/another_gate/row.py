"""Adds a row to the table of gates before any other module reads it.

A plugin of pytest, ``-p tests.another_gate.row``: those come before each conftest.
"""

import sys
from importlib.util import find_spec, module_from_spec
from pathlib import Path

_ROWS = "GATES = (DATA, MODEL, MODEL_AUDIT, SERVING)"
_MADE_UP = """
NOISE = Gate(
    id="noise",
    node="NoiseGate",
    output="blessing",
    artifact="InfraBlessing",
    pusher_input="noise_blessing",
    status="noise_rejected",
    exit_code=6,
    ending="noise check rejected",
    headline="Not pushed: noise changes the answers",
)
GATES = (DATA, MODEL, MODEL_AUDIT, SERVING, NOISE)
"""

spec = find_spec("components.gates")
source = Path(spec.origin).read_text(encoding="utf-8")
assert source.count(_ROWS) == 1
assert spec.name not in sys.modules, "too late: somebody has read the table"
sys.modules[spec.name] = gates = module_from_spec(spec)
exec(compile(source.replace(_ROWS, _MADE_UP), spec.origin, "exec"), gates.__dict__)
