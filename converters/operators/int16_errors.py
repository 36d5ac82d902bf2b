"""Errors as 16-bit integers: the kernels of backward steps that run on them.

An error tensor is int16 values and one exponent, an int32 of its own: what a value stands for is value * 2^exponent.
A layer multiplies its errors in place by the scales of its weights, so that all that follows is integers:
``layer_words``. Sums cannot overflow, as the number of their terms bounds the errors: ``fold_shift``.
"""

from __future__ import annotations

import math

from ..graph import Graph, Operator, Tensor
from .fixed_point import bounds, scale_of, weight_scales, zero_point_of
from .spec import KernelSpec, Word

LAYER = "x? w y dy! dx!? scratch!? workspace!? dye dxe!?"  # arguments of a layer's step
POOLED_LAYER = "x? w y dy! dx!? scratch!? argmax workspace!? dye dxe!?"
LAYER_WORDS = "low high x_zero x_scale:f32 shift exponent channels*"
_RATIO_BITS = 15
_LARGEST_RATIO = (1 << _RATIO_BITS) - 1


def fold_shift(terms: int, positions: int) -> int:
    """Bits that errors lose so that sums of int32 hold any ``terms`` products with int8 weights, and any ``positions``
    products with int8 inputs less their zero points.

    Errors are below 2^15, weights at most 2^7, inputs less than 2^8.
    """
    shift = 0
    while terms >= 1 << (9 + shift) or positions > 1 << (8 + shift):
        shift += 1
    return shift


def keeps_precision(terms: int, positions: int) -> bool:
    """Whether so many products leave errors half of their bits; if not floats are better."""
    return fold_shift(terms, positions) <= _RATIO_BITS // 2


def layer_words(graph: Graph, op: Operator, x: Tensor, w: Tensor, terms: int, positions: int) -> list[Word]:
    """Constants of quantisation of a layer's step.

    Parameters
    ----------
    x, w : Tensor
        Input and weights.
    terms : int
        Most products that meet in an element of the input's error.
    positions : int
        Products that meet in a weight's gradient.

    Returns
    -------
    list
        ``low high x_zero x_scale shift exponent``, then for all channels or each one the scale of its weights over
        2^exponent, of 15 fractional bits, and 2^15 over that number.
    """
    scales = [float(scale) for scale in weight_scales(w)]
    exponent = math.frexp(max(scales))[1]
    found: list[Word] = [*bounds(graph, op), zero_point_of(x), float(scale_of(x))]
    found += [fold_shift(terms, positions), exponent]
    for scale in scales:
        ratio = round(math.ldexp(scale, _RATIO_BITS - exponent))
        ratio = min(max(ratio, 1), _LARGEST_RATIO)
        found += [ratio, float((1 << _RATIO_BITS) / ratio)]
    return found


def _conversion(name: str, number: int, backward: str) -> KernelSpec:
    return KernelSpec(name=name, number=number, forward="x y!", backward=backward, words="", macs=None)


TO_INT16 = _conversion("ERRORS_TO_INT16", 76, "dy! dx! dxe!")
TO_FLOAT32 = _conversion("ERRORS_TO_FLOAT32", 77, "dy! dx! dye")
COPY = _conversion("COPY_INT16_ERRORS", 78, "dy! dx! dye dxe!")
