"""Outputs for classes that a device is taught later: the last layer, and what follows it, gets more of them.

A spare output has weights of 0 and a bias so low that softmax gives it the probability 0 on every input: other outputs
keep their bits, and as its error is exactly 0, training leaves it as it is. A file says by its biases which outputs are
still silent.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import ConversionError
from .flatbuffer import add_buffer, schema
from .graph import Graph, Operator
from .layer_names import layer_names
from .operators import VIEW_OPERATORS

SILENT_BIAS = np.float32(-1e30)
SILENT_BELOW = np.float32(-1e15)
"""A bias below is that of a silent output (ClassTeacher of the C++ library has the same number)."""


@dataclass(frozen=True)
class Head:
    """
    Attributes
    ----------
    operator : int
        The fully connected layer whose outputs are the classes.
    following : tuple of int
        Operators behind it, up to the output.
    classes : int
    """

    operator: int
    following: tuple[int, ...]
    classes: int


@dataclass(frozen=True)
class SpareClasses:
    """
    Attributes
    ----------
    operator : int
        The fully connected layer that computes them.
    count : int
        The last classes, from the first silent one on.
    silent : int
        Those of them that are silent.
    """

    operator: int
    count: int
    silent: int


def _refusal(graph: Graph, reason: str) -> ConversionError:
    return ConversionError(
        f"{graph.name}: spare classes (--spare-classes) need a float32 model that ends in a dense layer with an output "
        f"for each class, perhaps with SOFTMAX behind it; {reason}"
    )


def find_head(graph: Graph) -> Head:
    """The end of a model that can get more classes.

    Raises
    ------
    ConversionError
        The model ends otherwise; the message names the layer.
    """
    if len(graph.outputs) != 1:
        raise _refusal(graph, f"this one has {len(graph.outputs)} outputs")
    names, tensor = layer_names(graph), graph.outputs[0]
    following: list[int] = []
    while True:
        op = graph.producers.get(tensor)
        if op is None:
            raise _refusal(graph, "this one has no layer with weights at its end")
        name = names[op.index]
        if graph.tensors[tensor].dtype != "float32":
            raise _refusal(
                graph,
                f"the output of layer {name} is {graph.tensors[tensor].dtype}, whose lowest number is not low enough "
                "to be silent beside all others; add the classes to the float32 model",
            )
        readers = graph.consumers.get(tensor, ())
        if len(readers) + (tensor in graph.outputs) > 1:
            raise _refusal(graph, f"something else reads the output of layer {name} too")
        if op.type == "FULLY_CONNECTED":
            break
        if op.type not in VIEW_OPERATORS and (op.type != "SOFTMAX" or _has(graph, following, "SOFTMAX")):
            raise _refusal(graph, f"this one ends in {op.type} (layer {name})")
        following.append(op.index)
        tensor = op.inputs[0]
    return _checked(graph, op, tuple(reversed(following)))


def _has(graph: Graph, operators: list[int], kind: str) -> bool:
    return any(graph.operators[index].type == kind for index in operators)


def _checked(graph: Graph, op: Operator, following: tuple[int, ...]) -> Head:
    name = layer_names(graph)[op.index]
    weights = graph.tensors[op.inputs[1]]
    if weights.data is None or weights.dtype != "float32" or (op.input(2) >= 0 and _bias(graph, op) is None):
        raise _refusal(graph, f"the weights of layer {name} are no float32 constants")
    if op.options.get("fused_activation_function", "NONE") != "NONE":
        raise _refusal(graph, f"layer {name} has the activation {op.options['fused_activation_function']}")
    classes = int(weights.shape[0])
    if classes < 2:
        raise _refusal(graph, f"layer {name} has a single output: train it with two classes (softmax)")
    ends = [op, *(graph.operators[index] for index in following)]
    for end in ends:
        shape = graph.tensors[end.outputs[0]].shape
        if graph.tensors[end.outputs[0]].elements != classes or classes not in shape:
            raise _refusal(graph, f"the output of layer {name} has several rows, each with a class")
        if end.type == "SOFTMAX" and shape[-1] != classes:
            raise _refusal(graph, f"softmax (layer {layer_names(graph)[end.index]}) is not over the classes")
    return Head(op.index, following, classes)


def _bias(graph: Graph, op: Operator) -> np.ndarray | None:
    return graph.tensors[op.inputs[2]].data if op.input(2) >= 0 else None


def widen(model: Any, graph: Graph, head: Head, spare: int) -> list[str]:
    """Give a model outputs that are silent.

    Parameters
    ----------
    model : ModelT
        Changed in place.
    graph : Graph
        Of it.
    head : Head
        Of it.
    spare : int
        Outputs more.

    Returns
    -------
    list of str
        One sentence.

    Raises
    ------
    ConversionError
        A shape behind the layer is computed while the model runs.
    """
    op = graph.operators[head.operator]
    weights, bias = graph.tensors[op.inputs[1]].data, _bias(graph, op)
    assert weights is not None
    bias = np.zeros(head.classes, np.float32) if bias is None else bias
    wide = np.concatenate([weights, np.zeros((spare, weights.shape[1]), np.float32)])
    _set_constant(model, head.operator, 1, wide)
    _set_constant(model, head.operator, 2, np.concatenate([bias, np.full(spare, SILENT_BIAS)]))
    classes = head.classes + spare
    for index in (head.operator, *head.following):
        _widen_output(model, graph, index, head.classes, classes)
    last = head.classes + spare - 1
    which = f"output {last} is" if spare == 1 else f"outputs {head.classes} to {last} are"
    name = layer_names(graph)[head.operator]
    return [f"layer {name}: {which} new, for classes that the device is taught, and silent until then"]


def _widen_output(model: Any, graph: Graph, index: int, before: int, after: int) -> None:
    """Shapes of an operator's output, and of what states them."""
    operator = model.subgraphs[0].operators[index]
    tensor = model.subgraphs[0].tensors[operator.outputs[0]]
    tensor.shape = _replaced(tensor.shape, before, after)
    if tensor.shapeSignature is not None:
        tensor.shapeSignature = _replaced(tensor.shapeSignature, before, after)
    if graph.operators[index].type != "RESHAPE":
        return
    options = operator.builtinOptions
    if options is not None and getattr(options, "newShape", None) is not None:
        options.newShape = _replaced(options.newShape, before, after)
    if len(operator.inputs) > 1 and operator.inputs[1] >= 0:
        stated = graph.tensors[operator.inputs[1]]
        if stated.data is None or stated.index in graph.producers:
            raise _refusal(graph, f"the shape of layer {layer_names(graph)[index]} is computed while the model runs")
        _set_constant(model, index, 1, _replaced(stated.data, before, after))


def _replaced(shape: Any, before: int, after: int) -> np.ndarray:
    values = np.array(shape)
    values[values == before] = after
    return values


def _set_constant(model: Any, index: int, position: int, values: np.ndarray) -> None:
    """Another constant as an operator's input: a tensor and buffer of its own, where others read the old ones."""
    graph = model.subgraphs[0]
    operator = graph.operators[index]
    inputs = [int(t) for t in operator.inputs] + [-1] * (position + 1 - len(operator.inputs))
    old = inputs[position]
    if old < 0:
        tensor = schema.TensorT()
        tensor.type, tensor.hasRank = schema.TensorType.FLOAT32, True
        tensor.name = f"spare_classes/bias_{index}".encode()
    elif _uses(model, old) > 1:
        tensor = copy.deepcopy(graph.tensors[old])
        tensor.name = f"spare_classes/input_{position}_of_{index}".encode()
    else:
        tensor = graph.tensors[old]
    tensor.shape, tensor.buffer = np.asarray(values.shape, np.int32), _own_buffer(model, tensor, old, values)
    if tensor is not (graph.tensors[old] if old >= 0 else None):
        graph.tensors.append(tensor)
        inputs[position] = len(graph.tensors) - 1
    operator.inputs = np.asarray(inputs, np.int32)


def _uses(model: Any, tensor: int) -> int:
    graph = model.subgraphs[0]
    reads = sum(int(t) == tensor for op in graph.operators for t in (op.inputs if op.inputs is not None else ()))
    return reads + sum(int(t) == tensor for t in graph.outputs)


def _own_buffer(model: Any, tensor: Any, old: int, values: np.ndarray) -> int:
    """The tensor's buffer with other content, or a new one where the old is another's too."""
    graph = model.subgraphs[0]
    others = [t.buffer for i, t in enumerate(graph.tensors) if i != old]
    others += [entry.buffer for entry in model.metadata or ()]
    if old < 0 or tensor is not graph.tensors[old] or tensor.buffer in others:
        return add_buffer(model, values)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers[tensor.buffer] = buffer
    return int(tensor.buffer)


def in_file(graph: Graph) -> SpareClasses | None:
    """The classes that a file has for later, None if all outputs are in use."""
    try:
        head = find_head(graph)
    except ConversionError:
        return None
    op = graph.operators[head.operator]
    bias, weights = _bias(graph, op), graph.tensors[op.inputs[1]].data
    if bias is None or weights is None:
        return None
    silent = are_silent(bias)
    if not silent.any() or silent.all():
        return None
    return SpareClasses(head.operator, head.classes - int(np.flatnonzero(silent)[0]), int(silent.sum()))


def are_silent(bias: np.ndarray) -> np.ndarray:
    """Which outputs are silent, by their biases: bool [classes]."""
    return bias < SILENT_BELOW


def loss_word(loss: str, spare: SpareClasses | None) -> str:
    """The option ``loss`` where there are silent outputs: a linear end has to be one of logits."""
    return "cross-entropy" if loss == "auto" and spare is not None else loss
