"""Analytic work of operators: multiplications whose tap lies inside the image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from .graph import Graph, Operator
from .operators import KERNELS, OPERATORS, why_not_forward
from .operators.surrogate import fixed_weights
from .plan_format import NONE_INDEX, ForwardKind, Phase, Plan, ProgramKind


class LayerWork(NamedTuple):
    """Of a step.

    Attributes
    ----------
    operator : int or None
        That it trains.
    macs : dict
        Multiplications by phase.
    saved_bytes : int
        What it reads of its layer's input, kept since the forward pass.
    fixed : int
        Weights that stay as they are: taps beside the one that trains.
    """

    operator: int | None
    macs: dict[str, int]
    saved_bytes: int
    fixed: int = 0


PHASES = ("forward", "input_error", "weight_gradient", "update", "selection")


def operator_macs(graph: Graph, op: Operator) -> int:
    """Multiplications of one forward pass of the operator; each of its gradients costs as much, if it has any.

    0 for what the device cannot run."""
    spec = OPERATORS.get(op.type)
    kernel = None if spec is None or why_not_forward(graph, op) else spec.kernel_for(graph, op)
    if spec is None or kernel is None or kernel.macs is None or op.index in graph.folded:
        return 0
    shapes = {argument.name: graph.tensors[t].shape for argument, t in zip(spec.inputs, spec.operands(op)) if t >= 0}
    shapes["y"] = graph.tensors[op.outputs[0]].shape
    return kernel.macs(shapes, kernel.named_words(spec.words_for(graph, op, Phase.FORWARD)))


def dense_step_macs(plan: Plan) -> dict[str, int]:
    """Work of one training step without any skipping, by phase; of what the library runs itself."""
    total = dict.fromkeys(PHASES, 0)
    for work in _step_works(plan):
        for phase, macs in work.macs.items():
            total[phase] += macs
        total["update"] -= work.fixed
    total["update"] += int(plan.parameters["elements"].sum())
    return total


def layer_works(plan: Plan) -> dict[int, LayerWork]:
    """Work and memory of the backward steps that train, by operator."""
    return {work.operator: work for work in _step_works(plan) if work.operator is not None}


def _step_works(plan: Plan) -> Iterator[LayerWork]:
    kind = ProgramKind.TRAIN_FROM_CUT if plan.has_external_body else ProgramKind.TRAIN
    program = plan.program(kind, ForwardKind.NATIVE)
    values = plan.values(program)
    for step in plan.steps(program):
        kernel, backward = KERNELS[int(step["kernel"])], int(step["phase"]) == Phase.BACKWARD
        if kernel.macs is None:
            continue
        arguments = kernel.backward_arguments if backward else kernel.forward_arguments
        present = [(a, i) for a, i in zip(arguments, plan.step_values(step)) if i != NONE_INDEX]
        shapes = {}
        for argument, index in present:
            dims = tuple(int(d) for d in values[index]["dims"][: values[index]["rank"]])
            shapes[argument.name] = dims
            shapes.setdefault(argument.name.removeprefix("d"), dims)  # an error has the shape of what it is of
        words = kernel.named_words(plan.step_words(step).view("<i4").tolist())
        if not backward:
            yield LayerWork(None, {"forward": kernel.macs(shapes, words)}, 0)
            continue
        errors, layer = sum(argument.is_error_output for argument, _ in present), int(step["layer"])
        trains = layer != NONE_INDEX and int(plan.layers[layer]["weight"]) != NONE_INDEX
        # a bias alone needs neither the input nor its shape
        macs = kernel.macs(shapes, words) if errors or trains else 0
        yield LayerWork(
            None if layer == NONE_INDEX else int(plan.layers[layer]["operator"]),
            {"input_error": macs * errors, "weight_gradient": macs * trains},
            sum(int(values[index]["bytes"]) for argument, index in present if argument.name == "x" and trains),
            fixed_weights(shapes["w"], words) if "taps" in words else 0,
        )
