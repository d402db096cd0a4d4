"""The operations of a SavedModel that a server lacks, or that reach outside of it.

The probe reads them from the graph and its functions, before it loads the model: what
stands there holds for any user, machine and folder. TensorFlow alone.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from tensorflow.core.framework.attr_value_pb2 import AttrValue
from tensorflow.core.framework.node_def_pb2 import NodeDef
from tensorflow.core.protobuf.meta_graph_pb2 import MetaGraphDef
from tensorflow.python.framework import op_def_registry, tensor_util
from tensorflow.python.saved_model.loader_impl import parse_saved_model

# Where a SavedModel keeps the files that it brings along.
ASSETS = "assets"

# They call back into the Python process that traced them.
_PYTHON = {"PyFunc", "PyFuncStateless", "EagerPyFunc"}
# Inputs that name a file, folder or server, as TensorFlow's operations call them.
_PLACES = {
    "filename",
    "filenames",
    "file_name",
    "file_pattern",
    "pattern",
    "patterns",
    "path",
    "prefix",
    "directory",
    "chunk_file",
    "ckpt_path",
    "snapshot_path",
    "checkpoint_prefixes",
    "destination_prefix",
    "logdir",
    "log_dir_path",
    "new_vocab_file",
    "old_vocab_file",
    "address",
    "server_address",
}
_EXPRESSIONS = {"RegexReplace", "RegexFullMatch"}
# Attributes that name a file.
_PLACE_ATTRIBUTES = {
    "FixedUnigramCandidateSampler": "vocab_file",
    "ImmutableConst": "memory_region_name",
    "PrintV2": "output_stream",
    "RecordInput": "file_pattern",
    "Skipgram": "filename",
}
_STREAMS = {"stderr", "stdout", "log(info)", "log(warning)", "log(error)"}
_WRITERS = {
    "CreateSummaryFileWriter",
    "DatasetToTFRecord",
    "DistributedSave",
    "DumpTensor",
    "ExperimentalDatasetToTFRecord",
    "MergeV2Checkpoints",
    "PrintV2",
    "Save",
    "SaveDataset",
    "SaveDatasetV2",
    "SaveSlices",
    "SaveV2",
    "WriteFile",
}
# They change a variable, a table, a queue or a random generator, which the next request
# then finds changed.
_KEEPERS = re.compile(
    r"(Resource)?(Assign|Scatter|Apply|StridedSliceAssign)(?!.*Stateless)\w*"
    r"|LookupTable(Insert|Import|Remove)\w*|\w*(Enqueue|Stage|StackPush|Unstage)\w*"
    r"|Rng\w*|Stateful(Standard|Uniform|Truncated|Random)\w*"
)
# They answer otherwise at another time, or by chance.
_CHANCE = re.compile(
    r"Timestamp|Random(?!Dataset)\w*|TruncatedNormal|ParameterizedTruncatedNormal"
    r"|Multinomial|SampleDistortedBoundingBox\w*|\w*CandidateSampler"
)
# Their last inputs are the arguments of the functions that they call, one for one.
_CALLS = {"PartitionedCall", "StatefulPartitionedCall", "If", "StatelessIf", "Case"}
_CALLS |= {"StatelessCase", "While", "StatelessWhile"}
_INIT_SIGNATURE = "__saved_model_init_op"
_INIT_COLLECTIONS = ("saved_model_main_op", "legacy_init_op")
# The graph outside of all functions.
_MAIN = ""

# A node by the function that it is in, and its name.
_Place = tuple[str, str]


class Operations(NamedTuple):
    """What was found; each is a sorted list of words for people.

    Attributes:
      foreign: operations that TensorFlow does not have, or that need Python.
      reads: what is read from outside of the export when it is served.
      writes: what is written when it is served.
      keeps: operations of the signatures that leave something for later requests.
      chance: operations of the signatures that depend on the time or on chance.
    """

    foreign: list[str]
    reads: list[str]
    writes: list[str]
    keeps: list[str]
    chance: list[str]


def read_operations(export: Path) -> Operations:
    """Reads the graphs of a SavedModel.

    Raises:
      OSError: there is none, or it cannot be read.
    """
    foreign: set[str] = set()
    reads: set[str] = set()
    writes: set[str] = set()
    called: set[str] = set()
    for meta_graph in parse_saved_model(str(export)).meta_graphs:
        graph = _Graph(meta_graph, export)
        foreign.update(graph.foreign())
        for place in graph.served():
            kind = writes if graph.node(place).op in _WRITERS else reads
            kind.update(graph.outside(place))
        # What sets the model up may well assign; requests may not.
        called.update(graph.node(place).op for place in graph.called())
    keeps = filter(_KEEPERS.fullmatch, called)
    chance = filter(_CHANCE.fullmatch, called)
    return Operations(*map(sorted, (foreign, reads, writes, keeps, chance)))


class _Graph:
    """A graph with its functions, in which inputs are followed to where they begin."""

    def __init__(self, meta_graph: MetaGraphDef, export: Path) -> None:
        library = meta_graph.graph_def.library.function
        self._functions = {function.signature.name: function for function in library}
        self._nodes = {
            _MAIN: {node.name: node for node in meta_graph.graph_def.node},
            **{
                name: {node.name: node for node in function.node_def}
                for name, function in self._functions.items()
            },
        }
        self._arguments = {
            name: [argument.name for argument in function.signature.input_arg]
            for name, function in self._functions.items()
        }
        self._assets = {
            asset.tensor_info.name.partition(":")[0]
            for asset in meta_graph.asset_file_def
            if (export / ASSETS / asset.filename).exists()
        }
        self._outputs = set(_outputs(meta_graph))
        self._roots = self._outputs.union(_initial(meta_graph))
        # An asset's path is a variable that is set when the model is loaded.
        self._assigned: dict[str, list[str]] = defaultdict(list)
        for node in meta_graph.graph_def.node:
            if node.op == "AssignVariableOp":
                variable, value = map(_source, _data_inputs(node))
                self._assigned[variable].append(value)
        self._callers: dict[str, list[_Place]] = defaultdict(list)
        for scope, nodes in self._nodes.items():
            for node in nodes.values():
                for name in self._called(node):
                    self._callers[name].append((scope, node.name))

    def node(self, place: _Place) -> NodeDef:
        """Returns the node of a place."""
        scope, name = place
        return self._nodes[scope][name]

    def foreign(self) -> Iterator[str]:
        """Yields operations that a server lacks, of all functions."""
        for nodes in self._nodes.values():
            for node in nodes.values():
                known = op_def_registry.get(node.op) or node.op in self._functions
                if node.op in _PYTHON or not known:
                    yield node.op

    def served(self) -> set[_Place]:
        """Returns the nodes that loading and the signatures run."""
        return self._reached(self._roots)

    def called(self) -> set[_Place]:
        """Returns the nodes that the signatures run."""
        return self._reached(self._outputs)

    def _reached(self, roots: Iterable[str]) -> set[_Place]:
        found: set[_Place] = set()
        rest = [(_MAIN, name) for name in roots]
        while rest:
            place = rest.pop()
            scope, name = place
            if place in found or name not in self._nodes[scope]:
                continue
            found.add(place)
            node = self.node(place)
            rest += [(scope, _source(value)) for value in node.input]
            for function in self._called(node):
                rest += [(function, inner) for inner in self._nodes[function]]
        return found

    def outside(self, place: _Place) -> Iterator[str]:
        """Yields what a node reads or writes, unless it is a file of the export.

        Files of the export are what saving keeps as assets, and are not written.
        """
        node = self.node(place)
        attribute = _PLACE_ATTRIBUTES.get(node.op)
        if attribute:
            value = node.attr[attribute].s.decode(errors="replace")
            if value and value not in _STREAMS:
                yield f"{node.op} of {value}"
        for index in _place_inputs(node):
            for origin in sorted(self._origins(place, _data_inputs(node)[index])):
                if origin or node.op in _WRITERS:
                    yield f"{node.op} of {origin or 'its own files'}"

    def _origins(self, place: _Place, value: str) -> set[str]:
        """Returns where a text may come from; empty for an asset or no text."""
        origins, seen = set(), set()
        rest = [(place[0], _source(value))]
        while rest:
            at = rest.pop()
            if at in seen:
                continue
            seen.add(at)
            before = list(self._before(at))
            rest += before
            if not before:
                origins |= self._texts(at)
        return origins

    def _before(self, place: _Place) -> Iterator[_Place]:
        """Yields what a node or an argument of a function gets its value from."""
        scope, name = place
        node = self._nodes[scope].get(name)
        if node is None:
            index = self._arguments[scope].index(name) if scope else 0
            for caller in self._callers[scope]:
                inputs = _data_inputs(self.node(caller))
                if self.node(caller).op in _CALLS:
                    inputs = [inputs[index - len(self._arguments[scope])]]
                yield from ((caller[0], _source(value)) for value in inputs)
            return
        for value in [
            *_data_inputs(node),
            *(self._assigned.get(name, ()) if scope == _MAIN else ()),
        ]:
            yield scope, _source(value)
        for function in self._called(node):
            for value in self._functions[function].ret.values():
                yield function, _source(value)

    def _texts(self, place: _Place) -> set[str]:
        scope, name = place
        node = self._nodes[scope].get(name)
        if scope == _MAIN and name in self._assets:
            return {""}
        if node is None or node.op == "Placeholder":
            return {"what it is sent"}
        if node.op != "Const":
            return {"what it computes"}
        value = tensor_util.MakeNdarray(node.attr["value"].tensor)
        if value.dtype != object:
            return {""}
        return {text.decode(errors="replace") for text in value.reshape(-1)}

    def _called(self, node: NodeDef) -> Iterator[str]:
        names = [node.op, *(n for a in node.attr.values() for n in _functions(a))]
        return (name for name in names if name in self._functions)


def _outputs(meta_graph: MetaGraphDef) -> Iterator[str]:
    """Yields the nodes whose values the signatures answer, but the one that sets up."""
    for name, signature in meta_graph.signature_def.items():
        if name != _INIT_SIGNATURE:
            for output in signature.outputs.values():
                yield output.name.partition(":")[0]


def _initial(meta_graph: MetaGraphDef) -> Iterator[str]:
    """Yields the nodes that a server runs when it has loaded the model."""
    if _INIT_SIGNATURE in meta_graph.signature_def:
        signature = meta_graph.signature_def[_INIT_SIGNATURE]
        for output in signature.outputs.values():
            yield output.name.partition(":")[0]
    for key in _INIT_COLLECTIONS:
        if key in meta_graph.collection_def:
            yield from meta_graph.collection_def[key].node_list.value


def _functions(attribute: AttrValue) -> Iterable[str]:
    if attribute.HasField("func"):
        return [attribute.func.name]
    return [function.name for function in attribute.list.func]


def _place_inputs(node: NodeDef) -> Iterator[int]:
    """Yields the numbers of the inputs that name a file, folder or server."""
    definition = op_def_registry.get(node.op)
    if definition is None or node.op in _EXPRESSIONS:
        return
    index = 0
    for argument in definition.input_arg:
        count = 1
        if argument.number_attr:
            count = node.attr[argument.number_attr].i
        elif argument.type_list_attr:
            count = len(node.attr[argument.type_list_attr].list.type)
        if argument.name in _PLACES:
            yield from range(index, index + count)
        index += count


def _data_inputs(node: NodeDef) -> list[str]:
    return [value for value in node.input if not value.startswith("^")]


def _source(value: str) -> str:
    """Returns the node that an input of a node comes from."""
    return value.removeprefix("^").partition(":")[0]
