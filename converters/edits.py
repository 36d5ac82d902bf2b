"""The only changes that conversion makes to a model besides adding the plan.

The TFLite converter stores equal constants once and drops zero biases. A constant that trains needs memory of its
own, and a bias that shall train must exist. Each edit is reported as one sentence.
"""

from __future__ import annotations

import copy
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from .flatbuffer import add_buffer, builtin_name, schema, text
from .operators import OPERATORS

_WORDS = {"w": "weights", "b": "bias"}
# what an operator trains, by position among its inputs
_PARAMETERS = {
    name: {spec.position(argument): _WORDS[argument] for argument in spec.parameters}
    for name, spec in OPERATORS.items()
}


class _Use(NamedTuple):
    operator: int
    position: int


def _layer_names(model: Any) -> list[str]:
    """As ``layer_names.layer_names``, from the object form."""
    graph = model.subgraphs[0]
    names = []
    for i, op in enumerate(graph.operators):
        first = (
            text(graph.tensors[op.outputs[0]].name).split(";")[0] if op.outputs is not None and len(op.outputs) else ""
        )
        names.append(first or f"{builtin_name(model, op)}_{i}")
    count = Counter(names)
    return [f"{name}:{i}" if count[name] > 1 else name for i, name in enumerate(names)]


def _parameters(model: Any, operator: int) -> dict[int, str]:
    return _PARAMETERS.get(builtin_name(model, model.subgraphs[0].operators[operator]), {})


def _is_parameter(
    model: Any, use: _Use, trained: Collection[int], without_bias: Collection[int], only_bias: Collection[int]
) -> bool:
    name = _parameters(model, use.operator).get(use.position)
    if use.operator in (without_bias if name == "bias" else only_bias):
        return False
    return use.operator in trained and name is not None


def _uses_by_buffer(model: Any) -> dict[int, list[_Use]]:
    """Uses of constants by operators, by the buffer that they read, in execution order."""
    graph = model.subgraphs[0]
    computed = {int(t) for op in graph.operators for t in (op.outputs if op.outputs is not None else ())}
    uses: dict[int, list[_Use]] = defaultdict(list)
    for i, op in enumerate(graph.operators):
        for position, t in enumerate(op.inputs if op.inputs is not None else ()):
            if t >= 0 and int(t) not in computed:
                buffer = graph.tensors[t].buffer
                if model.buffers[buffer].data is not None and len(model.buffers[buffer].data):
                    uses[buffer].append(_Use(i, position))
    return uses


def _unique_name(model: Any, base: str) -> bytes:
    taken = {text(tensor.name) for tensor in model.subgraphs[0].tensors}
    name, suffix = base, 1
    while name in taken:
        name, suffix = f"{base}_{suffix}", suffix + 1
    return name.encode()


def _set_input(operator: Any, position: int, tensor: int) -> None:
    inputs = [int(t) for t in operator.inputs]
    inputs += [-1] * (position + 1 - len(inputs))
    inputs[position] = tensor
    operator.inputs = np.asarray(inputs, np.int32)


def unshare_constants(
    model: Any, operators: Collection[int], without_bias: Collection[int] = (), only_bias: Collection[int] = ()
) -> list[str]:
    """Give each use of a shared constant its own tensor and buffer when one of the uses trains.

    Parameters
    ----------
    model : ModelT
        Changed in place: new tensors and buffers are appended, so that existing indices stay.
    operators : collection of int
        Operators whose weights and biases train.
    without_bias : collection of int
        Those of them whose bias does not.
    only_bias : collection of int
        Those whose weights do not.

    Returns
    -------
    list of str
        One sentence for each use that was given a copy. The first use keeps the original.
    """
    graph = model.subgraphs[0]
    names = _layer_names(model)
    outputs = {int(t) for t in (graph.outputs if graph.outputs is not None else ())}
    edits: list[tuple[_Use, str]] = []
    for buffer, uses in sorted(_uses_by_buffer(model).items()):
        if not any(_is_parameter(model, use, operators, without_bias, only_bias) for use in uses):
            continue
        owned = {t for t in outputs if graph.tensors[t].buffer == buffer}
        if owned or any(entry.buffer == buffer for entry in model.metadata or ()):
            partner, copied = "the file's outputs or metadata", uses
        else:
            first = graph.operators[uses[0].operator]
            owned = {int(first.inputs[uses[0].position])}
            partner, copied = f"a constant of layer {names[uses[0].operator]}", uses[1:]
        for use in copied:
            owned.add(_own_copy(model, use, owned, names[use.operator]))
            what = _input_name(model, use)
            sentence = f"layer {names[use.operator]}: its {what} shared memory with {partner} and now has its own copy"
            edits.append((use, sentence))
    return [sentence for _, sentence in sorted(edits)]


def _input_name(model: Any, use: _Use) -> str:
    return _parameters(model, use.operator).get(use.position, f"input {use.position}")


def _own_copy(model: Any, use: _Use, owned: Collection[int], layer: str) -> int:
    """Point a use to a new buffer, by a new tensor if the tensor belongs to another use; returns the tensor."""
    graph = model.subgraphs[0]
    operator = graph.operators[use.operator]
    index = int(operator.inputs[use.position])
    data = np.asarray(model.buffers[graph.tensors[index].buffer].data, np.uint8)
    if index in owned:
        tensor = copy.deepcopy(graph.tensors[index])
        tensor.name = _unique_name(model, f"{layer}/{_input_name(model, use)}")
        graph.tensors.append(tensor)
        index = len(graph.tensors) - 1
        _set_input(operator, use.position, index)
    graph.tensors[index].buffer = add_buffer(model, data)
    return index


def _units_of_sums(x: Any, weights: Any) -> Any:
    """Quantisation of a bias beside int8 weights, as TensorFlow Lite has it; None where theirs is missing."""
    if not all(t.quantization is not None and t.quantization.scale is not None for t in (x, weights)):
        return None
    found = schema.QuantizationParametersT()
    found.scale = np.float32(x.quantization.scale[0]) * np.asarray(weights.quantization.scale, np.float32)
    found.zeroPoint = np.zeros(len(found.scale), np.int64)
    return found


def add_missing_biases(model: Any, operators: Collection[int]) -> list[str]:
    """Give convolutions and fully connected layers without a bias a bias of zeros.

    Parameters
    ----------
    model : ModelT
        Changed in place: new tensors and buffers are appended.
    operators : collection of int
        Operators that shall have a bias; those that cannot are left alone.

    Returns
    -------
    list of str
        One sentence for each bias.
    """
    graph = model.subgraphs[0]
    names = _layer_names(model)
    edits = []
    for i in sorted(operators):
        operator = graph.operators[i]
        spec = OPERATORS.get(builtin_name(model, operator))
        if spec is None or spec.channel_axis is None:
            continue
        position = spec.position("b")
        if len(operator.inputs) > position and operator.inputs[position] >= 0:
            continue
        weights = graph.tensors[operator.inputs[spec.position("w")]]
        channels = int(weights.shape[spec.channel_axis])
        bias = schema.TensorT()
        bias.shape = np.asarray([channels], np.int32)
        integers = weights.type == schema.TensorType.INT8
        bias.type = schema.TensorType.INT32 if integers else schema.TensorType.FLOAT32
        if integers:
            bias.quantization = _units_of_sums(graph.tensors[operator.inputs[spec.position("x")]], weights)
        bias.name = _unique_name(model, f"{names[i]}/bias")
        bias.hasRank = weights.hasRank
        bias.buffer = add_buffer(model, np.zeros(channels, np.int32 if integers else np.float32))
        graph.tensors.append(bias)
        _set_input(operator, position, len(graph.tensors) - 1)
        edits.append(f"layer {names[i]}: a bias of {channels} zeros was added")
    return edits
