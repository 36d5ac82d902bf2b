"""What a ``.tflite`` consists of, what of it trains, and why the rest does not."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from .commands import plan_of
from .converters import edits, flatbuffer, model_reader, model_writer
from .converters.dequantize import dequantize_constants
from .converters.errors import ConversionError
from .converters.graph import Graph, Operator
from .converters.layer_names import layer_names
from .converters.macs import LayerWork, layer_works, operator_macs
from .converters.model_source import read_model
from .converters.operators import OPERATORS, PARAMETER_OPERATORS
from .converters.plan_format import Plan
from .converters.surrogates import surrogates_of
from .converters.trainability import TrainedLayers, choose_layers
from .plan_config import plan_layers
from .reports import report
from .sizes import Sizes, plan_sizes, program_name
from .spare_classes import untaught_in_file


def _individual_refusals(graph: Graph) -> dict[int, str]:
    """Operators with parameters that cannot train even on their own, and the reason."""
    refusals = {}
    for op in graph.operators:
        if op.type not in PARAMETER_OPERATORS or op.index in graph.folded:
            continue
        try:
            choose_layers(graph, [op.index])
        except ConversionError as error:
            refusals[op.index] = str(error)
    return refusals


def _chosen(graph: Graph, plan: Plan | None, refusals: dict[int, str]) -> TrainedLayers | None:
    """What the plan trains; without a plan, everything that can."""
    if plan is not None:
        trained: list[int | str] = list(plan_layers(plan))
    else:
        trained = [
            op.index
            for op in graph.operators
            if op.type in PARAMETER_OPERATORS and op.index not in graph.folded and op.index not in refusals
        ]
    if not trained:
        return None
    replays = plan is not None and bool(plan.replay_options)
    cut = "auto" if plan is None or plan.cut is None else plan.cut[1] - 1
    return choose_layers(graph, trained, cut, replay=replays)


def _reason(graph: Graph, op: Operator, trainable: bool, plan: Plan | None, refusals: dict[int, str]) -> str | None:
    if trainable:
        return None
    if op.index in graph.folded and graph.tensors[op.outputs[0]].data is None:
        return "not needed: corrects negative indices, and devices take none"
    if op.index in graph.folded:
        return "computed at conversion: shape arithmetic over constants"
    if op.type not in PARAMETER_OPERATORS:
        return "has no trainable parameters"
    if op.index in refusals:
        return refusals[op.index]
    return "frozen: not among the plan's layers" if plan is not None else None


def _parameter_count(graph: Graph, op: Operator) -> int:
    if op.type not in PARAMETER_OPERATORS:
        return 0
    spec = OPERATORS[op.type]
    constants = (graph.tensors[t] for t in (op.input(spec.position(name)) for name in spec.parameters) if t >= 0)
    return sum(tensor.elements for tensor in constants if tensor.data is not None)


def _macs(graph: Graph, op: Operator, layers: TrainedLayers | None, work: LayerWork | None) -> dict[str, int]:
    """Multiplications of one dense training step, by the rules of the work counters."""
    forward = 0 if op.index in graph.folded else operator_macs(graph, op)
    if layers is None or op.index not in layers.differentiated:
        return {"forward": forward, "input_error": 0, "weight_gradient": 0}
    if work is not None:
        return {"forward": forward, **work.macs}
    errors = sum(t in layers.errors for t in op.inputs)
    return {
        "forward": forward,
        "input_error": forward * errors,
        "weight_gradient": forward if op.index in layers.weights else 0,
    }


def _tensors(graph: Graph, indices: tuple[int, ...]) -> list[dict[str, Any]]:
    """What an operator reads or writes, without omitted optional inputs."""
    found = (graph.tensors[t] for t in indices if t >= 0)
    return [{"tensor": t.index, "name": t.name, "shape": list(t.shape), "type": t.dtype} for t in found]


def _programs(plan: Plan | None, sizes: Sizes | None) -> list[dict[str, Any]]:
    if plan is None or sizes is None:
        return []
    return [
        {
            "name": program_name(p),
            "arena_bytes": sizes.arena_bytes[program_name(p)],
            "forward_steps": int(p["forward_count"]),
            "backward_steps": int(p["backward_count"]),
            "values": int(p["value_count"]),
        }
        for p in plan.programs
    ]


def _cut(graph: Graph, plan: Plan | None) -> dict[str, Any] | None:
    """Where the programs from a cut start."""
    if plan is None or plan.cut is None:
        return None
    tensor, first = plan.cut
    return {
        "tensor": tensor,
        "name": graph.tensors[tensor].name,
        "shape": list(graph.tensors[tensor].shape),
        "first_operator": first,
        "external_body": plan.has_external_body,
    }


def inspect_report(source: Any, name: str | None = None) -> dict[str, Any]:
    """Of ``inspect``: for a model with a plan what that trains, for another one what could train.

    Parameters
    ----------
    source : path, bytes or Keras model
        As ``convert`` takes it. Layers of a Keras model have the biases that ``convert`` gives them.
    name : str, optional
        For messages; default: the file's.

    Raises
    ------
    UserError
        The file or its plan cannot be read.
    """
    found = read_model(source)
    data, name = found.data, name or found.name
    model = flatbuffer.load(data, name)
    dequantize_constants(model)
    if found.with_bias is not None:
        edits.add_missing_biases(model, found.with_bias)
    graph = model_reader.read_graph(model, name)
    encoded = model_writer.stored_plan(model)
    with plan_of(source):
        plan = model_writer.decode_plan(encoded, name)
    sizes = None if plan is None else plan_sizes(plan, len(encoded or b""))
    refusals = _individual_refusals(graph)
    layers = _chosen(graph, plan, refusals)
    trained = frozenset() if layers is None else layers.trained
    works = {} if plan is None else layer_works(plan)
    surrogates = {} if plan is None else surrogates_of(plan)
    operators = [
        {
            "index": op.index,
            "name": layer,
            "type": op.type,
            "inputs": _tensors(graph, op.inputs),
            "outputs": _tensors(graph, op.outputs),
            "trainable": op.index in trained,
            "reason": _reason(graph, op, op.index in trained, plan, refusals),
            "parameters": _parameter_count(graph, op),
            "macs": _macs(graph, op, layers, works.get(op.index)),
            "gradient": surrogates[op.index].word if op.index in surrogates else "exact",
            "saved_bytes": works[op.index].saved_bytes if op.index in works else 0,
        }
        for op, layer in zip(graph.operators, layer_names(graph))
    ]
    empty = {
        "arena_bytes": {},
        "weight_bytes": 0,
        "state_bytes": 0,
        "trainer_bytes": 0,
        "replay_bytes": 0,
        "align_bytes": 0,
        "stack_bytes": 0,
        "metadata_bytes": 0,
        "trainable_parameters": 0,
    }
    return report(
        "inspect",
        model=name,
        file_bytes=len(data),
        has_plan=plan is not None,
        programs=_programs(plan, sizes),
        cut=_cut(graph, plan),
        untaught_classes=list(untaught_in_file(plan, graph)),
        operators=operators,
        **(empty if sizes is None else asdict(sizes)),
    )
