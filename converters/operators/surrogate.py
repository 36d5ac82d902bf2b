"""Backward steps of convolutions whose gradient is that of a 1x1 convolution between patches of input and output.

Gradient filtering (Yang, Li, Marculescu, CVPR 2023) sums the input and the filter's taps and averages the error over
patches; the centre tap (Zhang et al., 2024) has patches of one pixel and leaves all taps but one aside. The forward
pass stays as it is, and keeps the sums of the input's patches in place of the input.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ..graph import Graph, Operator
from ..policies import Gradient
from . import window
from .spec import KernelSpec, MacRule, Shape, StripRule, Word

_WINDOW = "window_h window_w window_stride_h window_stride_w offset_h offset_w"
_BLOCK = 16  # filters whose taps are summed at a time


@dataclass(frozen=True)
class Surrogate:
    """How a convolution's gradient is formed.

    Attributes
    ----------
    gradient : Gradient
        Not EXACT.
    size : int
        Pixels of the output along a side of a patch.
    normalised : bool
        Sums over patches of the input are divided by the pixels between two positions of the filter, as every one of
        these stands for so many of the image: the gradient of a smooth signal is then that of the exact one.
    """

    gradient: Gradient
    size: int = 1
    normalised: bool = True

    @property
    def word(self) -> str:
        """``filter:2``."""
        return f"{self.gradient.word}:{self.size}" if self.gradient is Gradient.FILTER else self.gradient.word


def _conv_macs(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return math.prod(shapes["means"]) * shapes["x"][3]


def _depthwise_macs(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    return math.prod(shapes["means"])


def _conv_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Sums of patches of the input's error and of some filters' taps; a row of the weight gradient."""
    depth, channels = shapes["x"][3], shapes["means"][3]
    sums = 0 if words["window_h"] == words["window_w"] == 1 else math.prod(shapes["x"])
    filters = 0 if words["taps"] == 1 else depth * min(channels, _BLOCK)
    return max(depth, sums + filters if "dx" in shapes else 0)


def _depthwise_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Sums of taps and of a patch of the input's error; sums of all channels and a row of one."""
    return shapes["means"][3] + max(int(words["taps"]), shapes["x"][3] if "dx" in shapes else 0)


def _kernel(name: str, number: int, macs: MacRule, workspace: StripRule) -> KernelSpec:
    """Of the backward step; forward the operator's own runs."""
    return KernelSpec(
        name=name,
        number=number,
        forward="x w b? y!",
        backward="x? w y? dy! dx!? scratch!? workspace! means!",
        words=f"{_WINDOW} patch first_tap taps activation scale:f32",
        macs=macs,
        workspace=workspace,
    )


CONV_2D_SURROGATE = _kernel("CONV_2D_SURROGATE", 88, _conv_macs, _conv_workspace)
DEPTHWISE_SURROGATE = _kernel("DEPTHWISE_SURROGATE", 89, _depthwise_macs, _depthwise_workspace)

# sums the patches of a convolution's input
SUM_PATCHES = KernelSpec(name="SUM_PATCHES", number=87, forward="x y!", backward="", words=_WINDOW, macs=None)


def fixed_weights(filters: Shape, words: Mapping[str, Word]) -> int:
    """Weights of taps that do not train."""
    elements, taps = math.prod(filters), filters[1] * filters[2]
    return elements - elements // taps * int(words["taps"])


def grid(graph: Graph, op: Operator, surrogate: Surrogate) -> tuple[int, int]:
    """Rows and columns of the patches."""
    _, height, width, _ = graph.tensors[op.outputs[0]].shape
    return -(-height // surrogate.size), -(-width // surrogate.size)


def sum_words(graph: Graph, op: Operator, surrogate: Surrogate) -> list[Word]:
    """Constants of SUM_PATCHES on the input of a convolution."""
    o, x, w = op.options, graph.tensors[op.inputs[0]].shape, graph.tensors[op.inputs[1]].shape
    y = graph.tensors[op.outputs[0]].shape
    stride = o["stride_h"], o["stride_w"]
    if surrogate.gradient is Gradient.FILTER:
        size = surrogate.size * stride[0], surrogate.size * stride[1]
        return [*size, *size, 0, 0]
    dilation = o.get("dilation_h_factor", 1), o.get("dilation_w_factor", 1)
    reach = (w[1] - 1) * dilation[0] + 1, (w[2] - 1) * dilation[1] + 1
    pads = window.pads(op, (x[1], x[2]), reach, (y[1], y[2]))
    return [1, 1, *stride, *((w[1 + i] - 1) // 2 * dilation[i] - pads[i] for i in (0, 1))]


def keeps_input(graph: Graph, op: Operator, surrogate: Surrogate) -> bool:
    """Whether the patches are the pixels of the input: nothing else need be kept."""
    same = grid(graph, op, surrogate) == tuple(graph.tensors[op.inputs[0]].shape[1:3])
    return same and sum_words(graph, op, surrogate) == [1, 1, 1, 1, 0, 0]


def words(graph: Graph, op: Operator, surrogate: Surrogate) -> list[Word]:
    """Constants of the backward step."""
    _, height, width, _ = graph.tensors[op.inputs[1]].shape
    first, taps, scale = 0, height * width, 1.0
    if surrogate.gradient is Gradient.CENTRE_TAP:
        first, taps = (height - 1) // 2 * width + (width - 1) // 2, 1
    elif surrogate.normalised:
        scale = 1.0 / (op.options["stride_h"] * op.options["stride_w"])
    return [
        *sum_words(graph, op, surrogate), surrogate.size, first, taps, int(window.activation(op)), scale,
    ]  # fmt: skip
