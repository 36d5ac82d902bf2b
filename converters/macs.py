"""Analytic work of operators: multiplications whose tap lies inside the image."""

from __future__ import annotations

import numpy as np

from .constraints import PARAMETER_OPERATORS
from .forward_pass import words
from .graph import Graph, Operator
from .plan_format import ForwardKind, Kernel, Plan, ProgramKind

PHASES = ("forward", "input_error", "weight_gradient", "update", "selection")

_CONVOLUTIONS = (Kernel.CONV_2D, Kernel.CONV_2D_MAX_POOL)
_DEPTHWISE = (Kernel.DEPTHWISE_CONV_2D, Kernel.DEPTHWISE_MAX_POOL)


def valid_taps(size: int, output: int, window: int, stride: int, dilation: int, pad: int) -> int:
    """Taps inside the image, summed over the output positions of one dimension."""
    positions = np.arange(output)[:, None] * stride - pad + np.arange(window)[None, :] * dilation
    return int(((positions >= 0) & (positions < size)).sum())


def _conv_macs(
    x: tuple[int, ...], w: tuple[int, ...], map_size: tuple[int, int], constants: list[int], depthwise: bool
) -> int:
    stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left = constants[:6]
    rows = valid_taps(x[1], map_size[0], w[1], stride_h, dilation_h, pad_top)
    columns = valid_taps(x[2], map_size[1], w[2], stride_w, dilation_w, pad_left)
    return rows * columns * (w[3] if depthwise else w[0] * w[3])


def operator_macs(graph: Graph, op: Operator) -> int:
    """Multiplications of one forward pass of the operator (each of its two gradients costs as much, if it has any).

    Convolutions and fully connected layers count their taps, MUL its output elements, everything else nothing.
    """
    y = graph.tensors[op.outputs[0]]
    if op.type == "MUL":
        return y.elements
    if op.type not in PARAMETER_OPERATORS:
        return 0
    x, w = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
    if op.type == "FULLY_CONNECTED":
        return x.elements * w.shape[0]
    constants = [int(word) for word in words(graph, op)]
    return _conv_macs(x.shape, w.shape, (y.shape[1], y.shape[2]), constants, op.type == "DEPTHWISE_CONV_2D")


def dense_step_macs(plan: Plan) -> dict[str, int]:
    """Work of one training step without any skipping, by phase."""
    program = plan.program(ProgramKind.TRAIN, ForwardKind.NATIVE)
    values = plan.values(program)
    total = dict.fromkeys(PHASES, 0)
    forward_count = int(program["forward_count"])
    for position, step in enumerate(plan.steps(program)):
        arguments = plan.step_values(step)

        def dims(argument: int, arguments: list[int] = arguments) -> tuple[int, ...]:
            record = values[arguments[argument]]
            return tuple(int(d) for d in record["dims"][: record["rank"]])

        def present(argument: int, arguments: list[int] = arguments) -> bool:
            return argument < len(arguments) and arguments[argument] != 0xFFFF

        kernel, backward = Kernel(int(step["kernel"])), position >= forward_count
        constants = plan.step_words(step).view("<i4").tolist()
        if kernel == Kernel.MUL:
            if not backward:
                total["forward"] += int(np.prod(dims(2)))
            else:
                total["input_error"] += sum(int(np.prod(dims(3))) for i in (4, 5) if present(i))
            continue
        if kernel != Kernel.FULLY_CONNECTED and kernel not in (*_CONVOLUTIONS, *_DEPTHWISE):
            continue
        source = 0 if present(0) else 4
        x, w = dims(source), dims(1)
        if kernel == Kernel.FULLY_CONNECTED:
            macs = int(np.prod(x)) * w[0]
        else:
            depthwise = kernel in _DEPTHWISE
            if kernel in (Kernel.CONV_2D, Kernel.DEPTHWISE_CONV_2D):
                y = dims(3)
                map_size = y[1], y[2]
            else:
                begin = 8 if depthwise else 7
                map_size = constants[begin], constants[begin + 1]
            macs = _conv_macs(x, w, map_size, constants, depthwise)
        if not backward:
            total["forward"] += macs
        else:
            total["input_error"] += macs if present(4) else 0
            total["weight_gradient"] += macs if int(step["layer"]) != 0xFFFF else 0
    total["update"] = int(plan.parameters["elements"].sum())
    return total
