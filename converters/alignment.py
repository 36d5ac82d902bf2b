"""Which layers' statistics are brought back by ``align``, and where the plan keeps them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from .cut import external_operators
from .errors import ConversionError
from .graph import Graph, Operator
from .layer_names import layer_names
from .loss_end import LossEnd
from .operators import OPERATORS, why_not_forward
from .plan_format import MAX_RANK, Plan, SectionKind
from .policies import Targets
from .trainability import TrainedLayers

ALIGNABLE = ("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D")


def aligned_layers(graph: Graph, layers: TrainedLayers, loss: LossEnd) -> tuple[list[int], list[str]]:
    """Operators that are aligned, in execution order, and a sentence on trained ones that are not.

    Parameters
    ----------
    graph : Graph
    layers : TrainedLayers
    loss : LossEnd

    Raises
    ------
    ConversionError
        Layers of integers, a loss without accuracy, a layer that the library cannot run, or nothing to align.
    """
    names = layer_names(graph)
    where = f"{graph.name}: align guarded (--align)"
    if loss.loss.targets == Targets.NUMBERS:
        raise ConversionError(
            f"{where} judges by accuracy, and the loss {loss.loss.word} has none; leave it out, or name another --loss"
        )
    external = external_operators(graph)
    if external:
        raise ConversionError(
            f"{where} runs the whole model, and layer {names[external[0]]} cannot run in the device runtime: "
            f"{why_not_forward(graph, graph.operators[external[0]])}; leave it out"
        )
    for index in sorted(layers.trained):
        op = graph.operators[index]
        if OPERATORS[op.type].computes_int8(graph, op):
            raise ConversionError(
                f"{where} scales the weights of a channel, and layer {names[index]} has int8 weights, whose scales "
                "stay as they are; leave it out, or train a float32 model"
            )
    if graph.tensors[graph.outputs[0]].dtype != "float32":
        raise ConversionError(
            f"{where} judges by float32 outputs, and the output of this model is "
            f"{graph.tensors[graph.outputs[0]].dtype}; leave it out"
        )
    hidden = sorted(layers.trained - layers.output_layers)
    reasons = {index: _why_not(graph, layers, graph.operators[index]) for index in hidden}
    found = [index for index in hidden if reasons[index] is None]
    left = [f"layer {names[index]} is not aligned: {reason}" for index, reason in reasons.items() if reason]
    if not found:
        why = left[0] if left else "no layer trains in front of the output layer, which is never aligned"
        raise ConversionError(f"{where}: {why}; train more layers (--layers), or leave it out")
    return found, left


def _why_not(graph: Graph, layers: TrainedLayers, op: Operator) -> str | None:
    if op.type not in ALIGNABLE:
        return f"{op.type} is none of {', '.join(ALIGNABLE)}"
    if op.index in layers.only_bias:
        return "its weights do not train"
    bias = -1 if op.index in layers.without_bias else op.input(OPERATORS[op.type].position("b"))
    if bias < 0:
        return "it has no bias (--add-bias gives it one)"
    shape = graph.tensors[op.outputs[0]].shape
    if len(shape) > MAX_RANK or shape[-1] != graph.tensors[bias].elements:
        return "its channels are not the last dimension of its output"
    return None


def write_statistics(plan: Plan, statistics: Mapping[int, tuple[np.ndarray, np.ndarray]]) -> None:
    """Puts statistics into a plan with a program ALIGN.

    Parameters
    ----------
    plan : Plan
    statistics : mapping
        Operator -> mean and deviation of each channel of its output, in front of the activation function.
    """
    words = plan.sections[SectionKind.WORDS]
    for step in plan.aligned:
        numbers = np.concatenate(statistics[plan.step_operators(step)[0]]).astype("<f4")
        begin = int(step["word_begin"]) + 1
        words[begin : begin + len(numbers)] = numbers.view("<u4")


def read_statistics(plan: Plan) -> dict[int, tuple[np.ndarray, np.ndarray]]:
    """What ``write_statistics`` has put there."""
    found = {}
    for step in plan.aligned:
        mean, deviation = np.split(plan.step_words(step)[1:].view("<f4"), 2)
        found[plan.step_operators(step)[0]] = mean, deviation
    return found
