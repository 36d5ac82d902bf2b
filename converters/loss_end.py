"""Where a model's loss attaches: the end of the graph, looked at through views."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .errors import ConversionError
from .graph import Graph, Operator
from .operators import OPERATORS, VIEW_OPERATORS
from .policies import Loss, Targets
from .quantization import numbers_of


@dataclass(frozen=True)
class LossEnd:
    """
    Attributes
    ----------
    loss : Loss
    input : int
        The tensor that it reads: the output.
    tensor : int
        The tensor whose error it writes: the output, or what softmax or sigmoid reads.
    scale : float
        Of that error (softmax' beta).
    classes : int
        Outputs of one row: what one class number chooses from.
    """

    loss: Loss
    input: int
    tensor: int
    scale: float
    classes: int


def choose_loss(graph: Graph, loss: str) -> LossEnd:
    """The loss of a graph with one output, by its word in ``TrainingConfig.loss``.

    Raises
    ------
    ConversionError
        The loss does not fit the model's end.
    """
    output = graph.outputs[0]
    last, numbers = _end(graph, output)
    end = last.type if last is not None else ""
    if loss == "cross-entropy" and end == "LOGISTIC":
        raise ConversionError(
            "--loss cross-entropy needs a SOFTMAX or linear end, the model ends in LOGISTIC; use binary-cross-entropy"
        )
    if loss == "binary-cross-entropy" and end == "SOFTMAX":
        raise ConversionError(
            "--loss binary-cross-entropy needs a LOGISTIC or linear end, the model ends in SOFTMAX; use cross-entropy"
        )
    classes = _row(graph.tensors[output].shape)
    with_end = Loss.of(loss, end) if end else None
    if last is not None and with_end is not None:
        logits = last.inputs[0]
        if with_end.targets == Targets.CLASSES:
            classes = graph.tensors[logits].shape[-1]
        if graph.tensors[logits].dtype == "float32":
            return LossEnd(with_end, numbers, logits, float(last.options.get("beta", 1.0)), classes)
        if last.options.get("beta", 1.0) != 1.0:
            raise ConversionError(
                f"--loss {with_end.word} cannot be computed here: the int8 softmax at the end (operator "
                f"{last.index}) has beta {last.options['beta']:g}; export it with beta 1, or use --loss mse"
            )
        # parts in steps of 1/256 would round small errors away: the loss reads the logits
        from_logits = Loss.of(with_end.word)
        assert from_logits is not None
        return LossEnd(from_logits, logits, logits, 1.0, classes)
    of_output = Loss.of(loss)
    assert of_output is not None
    if of_output.targets != Targets.NUMBERS:
        inner = _squashed(graph, output)
        if inner is not None:
            raise ConversionError(
                f"--loss {loss} cannot be computed here: the output holds probabilities, but {inner.type} (operator "
                f"{inner.index}) is not its end: {_followers(graph, inner)} follows; "
                "make softmax over the last axis (or sigmoid) the last layer, leave it out, or use --loss mse"
            )
    if loss == "cross-entropy" and classes == 1 and graph.tensors[output].elements > 1:
        shape = list(graph.tensors[output].shape[1:])
        raise ConversionError(
            f"--loss cross-entropy needs two classes or more along the last axis, the output has shape {shape}; "
            "use binary-cross-entropy or mse"
        )
    return LossEnd(of_output, output, output, 1.0, classes)


def _row(shape: tuple[int, ...]) -> int:
    """The last axis, or the only one that is longer than one."""
    longer = [size for size in shape if size != 1]
    return longer[0] if len(longer) == 1 else shape[-1]


def is_view(graph: Graph, op: Operator) -> bool:
    """Whether the elements keep their order in memory."""
    if op.type in VIEW_OPERATORS:
        return True
    if op.type != "TRANSPOSE":
        return False
    permutation, shape = graph.tensors[op.inputs[1]].data, graph.tensors[op.inputs[0]].shape
    if permutation is None:
        return False
    moved = [int(axis) for axis in permutation.reshape(-1) if shape[int(axis)] != 1]
    return moved == sorted(moved)


def _end(graph: Graph, tensor: int) -> tuple[Operator | None, int]:
    """The operator that computes a tensor's values, views and how they are stored left aside, and the tensor that has
    its numbers before they are rounded to be stored."""
    numbers = tensor
    op = graph.producers.get(tensor)
    while op is not None and (is_view(graph, op) or op.type in ("QUANTIZE", "DEQUANTIZE")):
        if op.type == "QUANTIZE":
            numbers = op.inputs[0]
        op = graph.producers.get(op.inputs[0])
    return op, numbers


def _squashed(graph: Graph, output: int) -> Operator | None:
    """The softmax or sigmoid that bounds (a part of) a tensor, None if its values may be logits.

    What comes in between has no parameters: means, pools, concatenations, and arithmetic with constants or with other
    bounded tensors. A product with something unbounded (a gate, attention) is unbounded, and so is a logarithm: logits.
    """
    found: dict[int, Operator | None] = {}
    for op in graph.operators:  # in execution order: inputs before outputs
        found |= dict.fromkeys(op.outputs, _bound(graph, op, found))
    return found.get(output)


def _bound(graph: Graph, op: Operator, found: dict[int, Operator | None]) -> Operator | None:
    if op.type in ("SOFTMAX", "LOGISTIC") or _is_hard_sigmoid(graph, op):
        return op
    spec = OPERATORS.get(op.type)
    if spec is None or not spec.keeps_bounds:
        return None
    operands = spec.operands(op)
    bounds = [found.get(t) for t in operands]
    known = [b is not None or graph.tensors[t].data is not None for b, t in zip(bounds, operands)]
    if not all(known) and not spec.inputs[-1].repeated:  # of joined parts one is enough
        return None
    return next((bound for bound in bounds if bound is not None), None)


def _is_hard_sigmoid(graph: Graph, op: Operator) -> bool:
    """relu6(x + 3) / 6, as Keras exports it."""
    if op.type != "MUL":
        return False
    for x, factor in (op.inputs[:2], op.inputs[1::-1]):
        values, producer = numbers_of(graph.tensors[factor]), graph.producers.get(x)
        if values is None or producer is None:
            continue
        relu6 = producer.type == "RELU6" or producer.options.get("fused_activation_function") == "RELU6"
        if relu6 and np.allclose(values, 1 / 6, rtol=1e-3):
            return True
    return False


def _followers(graph: Graph, inner: Operator) -> str:
    """The types of the operators behind one, for a message."""
    types = [op.type for op in graph.operators if op.index > inner.index and not is_view(graph, op)]
    return ", ".join(dict.fromkeys(types)) or "nothing"
