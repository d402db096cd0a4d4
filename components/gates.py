"""The one table of gates: everything but what a gate checks, and what it allows.

A run's outcome, exit code, text, report and help, the nodes on a cluster, the Pusher
with its manifest and the removal of old artifacts read it; ``gate_settings`` holds
what each gate allows. Nothing else lists gates.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Gate:
    """What decides whether a run goes on, or whether its model is published.

    A gate of data raises ``GateError`` and so stops the run. One of models ends well:
    its output ``blessing`` has TFX's custom property ``blessed``, 1 or 0. Both leave
    ``checks.json`` in the output, but for TFX's Evaluator, whose metrics say it all.
    A gate may have several nodes, a row for each: they share all but the first four.

    Attributes:
      id: names it in a check, in messages and in the report.
      node: id of the node that decides.
      output: of that node, where it leaves what it decided.
      artifact: name of that output's type; a new gate of models takes
        ``InfraBlessing``, as TFX's validators do.
      pusher_input: under which the Pusher reads that output.
      status: in ``summary.json`` of a run that it stopped.
      exit_code: of such a run.
      ending: of such a run, on the screen and in the help.
      headline: of such a run's report.
    """

    id: str
    node: str
    output: str
    artifact: str
    pusher_input: str
    status: str
    exit_code: int
    ending: str
    headline: str

    @property
    def blesses(self) -> bool:
        """Whether it ends well and blesses a model or not, instead of raising."""
        return self.output == "blessing"


DATA = Gate(
    id="data",
    node="DataGate",
    output="verdict",
    artifact="DataVerdict",
    pusher_input="data_verdict",
    status="data_rejected",
    exit_code=3,
    ending="data rejected",
    headline="Not pushed: the data was rejected",
)
MODEL = Gate(
    id="model",
    node="Evaluator",
    output="blessing",
    artifact="ModelBlessing",
    pusher_input="model_blessing",
    status="model_rejected",
    exit_code=4,
    ending="model rejected",
    headline="Not pushed: the model was rejected",
)
MODEL_AUDIT = replace(
    MODEL,
    node="ModelAudit",
    artifact="InfraBlessing",
    pusher_input="audit_blessing",
)
SERVING = Gate(
    id="serving",
    node="ServingCheck",
    output="blessing",
    artifact="InfraBlessing",
    pusher_input="infra_blessing",
    status="serving_rejected",
    exit_code=5,
    ending="serving check rejected",
    headline="Not pushed: the serving check rejected the model",
)
# The first one that refused names the run.
GATES = (DATA, MODEL, MODEL_AUDIT, SERVING)
BLESSING_GATES = tuple(gate for gate in GATES if gate.blesses)
# How a run can end, its ``status``, to the exit code of its command.
EXIT_CODES = {
    "pushed": 0,
    "failed": 1,
    **{gate.status: gate.exit_code for gate in GATES},
}
REFUSAL_CODES = frozenset(gate.exit_code for gate in GATES)
EXIT_CODES_HELP = ", ".join(
    (
        "2 usage",
        *dict.fromkeys(f"{gate.exit_code} {gate.ending}" for gate in GATES),
        "1 anything else",
    )
)


def gate_of(id: str) -> Gate:
    """Returns the gate of an id; of several nodes, the first.

    Raises:
      KeyError: the table has none of it.
    """
    return {gate.id: gate for gate in reversed(GATES)}[id]
