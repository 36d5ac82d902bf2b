"""Functions of one int8 element as tables: outputs as TensorFlow Lite Micro computes them, and slopes in real numbers.

The fixed-point arithmetic is gemmlowp's, which that library uses: int32 numbers with a given number of integer bits.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from ..graph import Graph, Operator, Tensor
from ..plan_format import Activation, Phase
from ..quantization import stated
from .fixed_point import activation_bounds, multiplier, scale_of, zero_point_of
from .spec import Int8, KernelSpec, Word, WordRule

_MOST = (1 << 31) - 1
_EXPONENTIALS = (1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242)  # exp(-1/4), exp(-1/2), ...
BYTES = 256


def high_product(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """a b / 2^31 to nearest, ties up (SaturatingRoundingDoublingHighMul)."""
    return (a * b + (1 << 30)) >> 31


def divided(x: np.ndarray, exponent: int) -> np.ndarray:
    """x / 2^exponent to nearest, ties away from zero (RoundingDivideByPOT)."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def requantised(x: np.ndarray, factor: tuple[int, int]) -> np.ndarray:
    """MultiplyByQuantizedMultiplier."""
    fixed, shift = factor
    return divided(high_product(x << max(shift, 0), fixed), max(-shift, 0))


def exponential(a: np.ndarray, integer_bits: int) -> np.ndarray:
    """exp(a) of negative numbers, without integer bits (exp_on_negative_values)."""
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    inside = (a & (quarter - 1)) - quarter  # in [-1/4, 0)
    x = (inside << integer_bits) + (1 << 28)  # Taylor's series around -1/8
    x2 = high_product(x, x)
    x3, x4 = high_product(x2, x), high_product(x2, x2)
    rest = divided(high_product(divided(x4, 2) + x3, 715827883) + x2, 1)
    result = 1895147668 + high_product(x + rest, 1895147668)
    remainder = inside - a
    for exponent, factor in enumerate(_EXPONENTIALS, -2):
        if integer_bits > exponent:
            bit = (remainder >> (fraction_bits + exponent)) & 1
            result = np.where(bit == 1, high_product(result, factor), result)
    return np.where(a == 0, _MOST, result)


def _newton(a: np.ndarray) -> np.ndarray:
    """2 / (1 + a) of fractions, with two integer bits."""
    half = (a + _MOST + 1) // 2
    x = 1515870810 + high_product(half, -1010580540)
    for _ in range(3):
        x = x + 4 * high_product(x, (1 << 29) - high_product(half, x))
    return x


def _saturated(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -(1 << 31), _MOST)


def logistic(a: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-a)) of numbers with four integer bits."""
    positive = _saturated(2 * _newton(exponential(-np.abs(a), 4)))
    return np.where(a == 0, 1 << 30, np.where(a > 0, positive, _MOST - positive))


def tanh(a: np.ndarray) -> np.ndarray:
    """Of numbers with four integer bits."""
    positive = _saturated(4 * (_newton(exponential(-np.abs(a), 5)) - (1 << 29)))  # of -2 |a|: the same bits
    return np.where(a == 0, 0, np.where(a > 0, positive, -positive))


def softmax_exponentials(scale: np.float32, beta: float) -> list[int]:
    """exp(-beta scale d) for d = 0, 1, ...: as many as SOFTMAX tells from 0."""
    real = min(beta * float(scale) * (1 << 26), _MOST)
    fixed, shift = multiplier(real)
    radius = math.floor(31 * (1 << 26) / (1 << shift))
    distances = np.arange(min(radius, BYTES - 1) + 1, dtype=np.int64)
    return [int(value) for value in exponential(high_product(-distances << shift, fixed), 5)]


def _elements(tensor: Tensor) -> np.ndarray:
    """What an element with each of the 256 bytes is, minus the zero point."""
    kind = np.int8 if tensor.dtype == "int8" else np.uint8
    return np.arange(BYTES, dtype=np.uint8).view(kind).astype(np.int64) - zero_point_of(tensor)


def _ends(tensor: Tensor) -> tuple[int, int]:
    found = np.iinfo(tensor.dtype)
    return int(found.min), int(found.max)


Outputs = Callable[[Operator, Tensor, Tensor], np.ndarray]
Slopes = Callable[[Operator, np.ndarray], np.ndarray]


def table(graph: Graph, op: Operator, phase: Phase) -> list[Word]:
    """Constants of a step: forward 256 outputs, four in a word; backward as many slopes, 0 where it is clamped."""
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    outputs, slopes, is_clamped = _FUNCTIONS[op.type]
    low, high = _bounds(op, x, y)
    stored = np.clip(outputs(op, x, y), low, high)
    if phase == Phase.FORWARD:
        return stored.astype(y.dtype).view("<i4").tolist()
    found = slopes(op, _elements(x) * float(scale_of(x)))
    if is_clamped:
        found = np.where((stored > low) & (stored < high), found, 0.0)
    return [float(slope) for slope in found]


def _bounds(op: Operator, x: Tensor, y: Tensor) -> tuple[int, int]:
    if op.type in ("RELU", "RELU6"):
        return activation_bounds(Activation[op.type], scale_of(y), zero_point_of(y))
    return _ends(y)


def _rescaled(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    """QUANTIZE from one scale to another."""
    return requantised(_elements(x), multiplier(float(scale_of(x)) / float(scale_of(y)))) + zero_point_of(y)


def _relu(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    return requantised(_elements(x), multiplier(float(scale_of(x) / scale_of(y)))) + zero_point_of(y)


def _same(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    """RELU6: its input and output have one scale."""
    return _elements(x) + zero_point_of(y)


def _leaky_relu(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    elements, alpha = _elements(x), float(op.options["alpha"])
    negative = multiplier(abs(float(np.float32(scale_of(x) * np.float32(alpha)) / scale_of(y))))
    below = requantised(elements, negative) * (1 if alpha >= 0 else -1)
    return np.where(elements >= 0, requantised(elements, multiplier(float(scale_of(x) / scale_of(y)))), below) + (
        zero_point_of(y)
    )


def _fixed_input(x: Tensor) -> tuple[np.ndarray, int]:
    """Elements with four integer bits, and from where on they are as good as infinite."""
    fraction, shift = math.frexp(float(scale_of(x)) * (1 << 27))
    fixed = math.floor(fraction * (1 << 31) + 0.5)
    radius = math.floor(15 * (1 << 27) / 2.0**shift)
    inside = np.clip(_elements(x), -radius, radius)
    return requantised(inside, (fixed, shift)), radius


def _logistic(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    fixed, radius = _fixed_input(x)
    found = divided(logistic(fixed), 23) - 128
    return np.where(_elements(x) <= -radius, -128, np.where(_elements(x) >= radius, 127, found))


def _tanh(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    fixed, radius = _fixed_input(x)
    found = divided(tanh(fixed), 24)
    return np.where(_elements(x) <= -radius, -128, np.where(_elements(x) >= radius, 127, found))


def _int16(x: np.ndarray) -> np.ndarray:
    return np.clip(x, -(1 << 15), (1 << 15) - 1)


def _short(fixed: int) -> int:
    """A multiplier with 15 fraction bits (DownScaleInt32ToInt16Multiplier)."""
    return (1 << 15) - 1 if fixed >= _MOST - (1 << 15) else (fixed + (1 << 15)) >> 16


def _short_product(a: np.ndarray, b: np.ndarray | int) -> np.ndarray:
    """a b / 2^15 to nearest, ties up but for negative numbers, whose ties are rounded towards zero."""
    product = a * b
    nudged = product + np.where(product >= 0, 1 << 14, 1 - (1 << 14))
    return np.trunc(nudged / (1 << 15)).astype(np.int64)


def _hard_swish(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    fine = np.float32(np.float32(1 / 128) * scale_of(x))
    output, output_shift = multiplier(float(np.float32(fine / scale_of(y))))
    reluish, shift = multiplier(float(np.float32(fine / np.float32(3 / 32768))))
    elements = _elements(x) * 128
    on_output_scale = _short_product(elements, _short(output))
    gate = _int16(elements << (shift - 1)) if shift > 0 else elements
    gate = _short_product(gate, _short(reluish))
    gate = _int16(gate << 1) if shift > 0 else divided(gate, -shift)
    gate = (gate + (1 << 15)) >> 1
    product = np.trunc(gate * on_output_scale / (1 << 15)).astype(np.int64)
    return divided(product, -output_shift) + zero_point_of(y)


def _elu(op: Operator, x: Tensor, y: Tensor) -> np.ndarray:
    numbers = (scale_of(x) * _elements(x).astype(np.float32)).astype(np.float32)
    exponentials = np.exp(np.minimum(numbers, 0).astype(np.float64)).astype(np.float32) - np.float32(1)
    units = np.where(numbers < 0, exponentials, numbers) * (np.float32(1) / scale_of(y))
    return (np.trunc(units + np.copysign(0.5, units)) + zero_point_of(y)).astype(np.int64)


def _sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


# type of operator -> outputs before the clamp, slopes at real numbers, whether its range is cut off by the clamp
_FUNCTIONS: dict[str, tuple[Outputs, Slopes, bool]] = {
    "QUANTIZE": (_rescaled, lambda op, x: np.ones(BYTES), True),
    "RELU": (_relu, lambda op, x: np.ones(BYTES), True),
    "RELU6": (_same, lambda op, x: np.ones(BYTES), True),
    "LEAKY_RELU": (_leaky_relu, lambda op, x: np.where(x > 0, 1.0, float(op.options["alpha"])), True),
    "LOGISTIC": (_logistic, lambda op, x: _sigmoid(x) * (1 - _sigmoid(x)), False),
    "TANH": (_tanh, lambda op, x: 1 - np.tanh(x) ** 2, False),
    "HARD_SWISH": (_hard_swish, lambda op, x: np.where(x <= -3, 0, np.where(x >= 3, 1, (2 * x + 3) / 6)), True),
    "ELU": (_elu, lambda op, x: np.where(x > 0, 1.0, np.exp(x)), True),
}


def one_scale(graph: Graph, op: Operator) -> bool:
    """int8 inputs and outputs have one scale and one zero point (TensorFlow Lite Micro does not rescale there)"""
    from . import OPERATORS  # not above: the specs in it name this constraint

    found = [stated(graph.tensors[t]) for t in (*OPERATORS[op.type].operands(op), *op.outputs) if t >= 0]
    known = {(float(q.scales[0]), int(q.zero_points[0])) for q in found if q is not None}
    return len(known) == 1


def moves(kernel: KernelSpec, words: WordRule) -> Int8:
    """How an operator that moves elements runs on int8, with the constants that it has in float32."""
    return Int8(kernel, lambda graph, op, phase: words(graph, op), (one_scale,))


def _states(tensor: Tensor, scale: float, zero_point: int) -> bool:
    return float(scale_of(tensor)) == scale and zero_point_of(tensor) == zero_point


def outputs_probabilities(graph: Graph, op: Operator) -> bool:
    """its int8 output has the scale 1/256 and the zero point -128"""
    return _states(graph.tensors[op.outputs[0]], 1 / 256, -128)


def outputs_from_minus_one_to_one(graph: Graph, op: Operator) -> bool:
    """its int8 output has the scale 1/128 and the zero point 0"""
    return _states(graph.tensors[op.outputs[0]], 1 / 128, 0)


def scales_of_hard_swish(graph: Graph, op: Operator) -> bool:
    """the scale of its int8 output is at least 1/128 of that of its input"""
    x, y = graph.tensors[op.inputs[0]], graph.tensors[op.outputs[0]]
    return multiplier(float(np.float32(np.float32(1 / 128) * scale_of(x)) / scale_of(y)))[1] <= 0
