"""Fixed-point constants of int8 kernels, as TensorFlow Lite computes them when it prepares an operator."""

from __future__ import annotations

import math

import numpy as np

from ..graph import Graph, Operator, Quantization, Tensor
from ..plan_format import MANY_TERMS, Activation, Phase
from ..quantization import stated
from .spec import Word
from .window import activation


def scale_of(tensor: Tensor) -> np.float32:
    """Scale of a tensor that has one."""
    return np.float32(_of(tensor).scales[0])


def zero_point_of(tensor: Tensor) -> int:
    """Zero point of a tensor that has one."""
    return int(_of(tensor).zero_points[0])


def weight_scales(tensor: Tensor) -> np.ndarray:
    """Scales of weights: one, or one for each channel."""
    return _of(tensor).scales


def _of(tensor: Tensor) -> Quantization:
    found = stated(tensor)
    assert found is not None  # the operator's constraints ask for it
    return found


def multiplier(factor: float) -> tuple[int, int]:
    """A factor as a multiplier of 31 fractional bits and a shift to the left (QuantizeMultiplier)."""
    if factor == 0:
        return 0, 0
    fraction, shift = math.frexp(factor)
    fixed = math.floor(fraction * (1 << 31) + 0.5)
    if fixed == 1 << 31:
        fixed, shift = fixed // 2, shift + 1
    return (fixed, shift) if shift >= -31 else (0, 0)


def bounds(graph: Graph, op: Operator) -> list[Word]:
    """What the fused activation leaves of int8 (CalculateActivationRangeQuantized): lowest and highest."""
    output = graph.tensors[op.outputs[0]]
    return list(activation_bounds(activation(op), scale_of(output), zero_point_of(output)))


def activation_bounds(fused: Activation, scale: np.float32, zero_point: int) -> tuple[int, int]:
    """The same of an output with this scale and zero point."""

    def quantised(value: float) -> int:
        return zero_point + int(math.floor(abs(np.float32(value) / scale) + 0.5) * math.copysign(1, value))

    low, high = -128, 127
    if fused in (Activation.RELU, Activation.RELU6):
        low = max(low, quantised(0.0))
    if fused == Activation.RELU_N1_TO_1:
        low, high = max(low, quantised(-1.0)), min(high, quantised(1.0))
    if fused == Activation.RELU6:
        high = min(high, quantised(6.0))
    return low, high


def layer_words(
    graph: Graph, op: Operator, x: Tensor, w: Tensor, phase: Phase, float_product: bool = False
) -> list[Word]:
    """Constants of quantisation of a layer's steps: ``low high x_zero y_zero x_scale:f32 factors*``; the last ones are
    those of ``layer_factors``."""
    y = graph.tensors[op.outputs[0]]
    common = [*bounds(graph, op), zero_point_of(x), zero_point_of(y), float(scale_of(x))]
    return [*common, *layer_factors(x, w, y, phase, float_product)]


def layer_factors(x: Tensor, w: Tensor, y: Tensor, phase: Phase, float_product: bool = False) -> list[Word]:
    """What turns the sums of a layer into its output, or its errors into those of its input: the repeated constants of
    its steps.

    Parameters
    ----------
    float_product : bool
        The scales of input and weights are multiplied in float32, as TensorFlow Lite does in layers with one scale.

    Returns
    -------
    list
        Forward multiplier and shift, backward the scale of the weights; once, or for each channel.
    """
    scales = _of(w).scales
    if phase == Phase.BACKWARD:
        return [float(scale) for scale in scales]
    found: list[Word] = []
    for scale in scales:
        product = float(scale_of(x) * np.float32(scale)) if float_product else float(scale_of(x)) * float(scale)
        found += multiplier(product / float(scale_of(y)))
    return found


def of_bias(x: Tensor, w: Tensor) -> Quantization:
    """What a unit of a layer's sums, and so of its bias, stands for."""
    scales = (scale_of(x) * np.asarray(_of(w).scales, np.float32)).astype(np.float32)
    return Quantization(scales, np.zeros(len(scales), np.int64), 0)


def most_bias(terms: int) -> int:
    """The largest bias with which no sum of so many products (LAYER.terms) leaves 32 bits: they are at most 255 * 128
    each."""
    return (1 << 31) - 1 - terms * 255 * 128 if terms < MANY_TERMS else 0
