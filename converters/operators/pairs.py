"""Workspaces of the backward steps with errors of 16-bit integers, in 32-bit elements: sums, and packed pairs.

Their C++ twins are ``Conv2DInt16Workspace`` and ``DepthwiseConv2DInt16Workspace``: a device refuses a plan whose
workspace is shorter.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from .spec import Shape, Word

_WORDS_OF_PAIR = 4  # four columns of a pair
# of the input error
_PIXEL_SUMS, _LEAST_PIXELS, _FILTER_PAIRS = 1024, 4, 128
# of the weight gradient
_CHANNELS_OF_SUMS = ((16, 2304), (8, 4608))  # so many share their inputs if they need no more sums
_LEAST_CHANNELS = 4
_ERROR_PAIRS, _INPUT_PAIRS, _LEAST_PAIRS = 576, 72, 8


def conv_int16_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """The larger of what the input error and the weight gradient need.

    Parameters
    ----------
    shapes : mapping
        Of the arguments, by name.
    words : mapping
        Constants of the step, by name.
    """
    return max(_input_error(shapes, words), _weight_gradient(shapes, words))


def depthwise_int16_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """The sums of a pixel and its taps, or the sums of four channels' filters."""
    _, height, width, _ = shapes["w"]
    return max(shapes["x"][3] + 2 * height * width, 4 * height * width)


def _input_error(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Some pixels' sums, four columns of filters, a row of errors with zeros around it."""
    _, _, filter_w, _ = shapes["w"]
    _, in_h, in_w, in_c = shapes["x"]
    _, _, out_w, out_c = shapes["y"]
    stride, dilation, pad = (int(words[name]) for name in ("stride_w", "dilation_w", "pad_left"))
    if _is_pointwise(shapes, words):
        in_w = out_w = in_h * in_w
    common = math.gcd(stride, dilation)
    depth = _even(out_c)
    pixels = min(in_w, max(_LEAST_PIXELS, _PIXEL_SUMS // in_c))
    taps = -(-filter_w // (stride // common)) if dilation == common else 1
    span = (filter_w - 1) * dilation
    is_inside = pad - span >= 0 and (in_w - 1 + pad) // stride < out_w
    strip = 0 if is_inside and depth == out_c else (pixels + span) // stride + 2
    return pixels * in_c + _WORDS_OF_PAIR * min(_FILTER_PAIRS, taps * depth // 2) + strip * depth // 2


def _weight_gradient(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Some channels' sums, their errors, four columns of inputs, and two rows of an image with few channels."""
    _, filter_h, filter_w, in_c = shapes["w"]
    _, out_h, out_w, out_c = shapes["y"]
    stride, dilation = int(words["stride_w"]), int(words["dilation_w"])
    pointwise = _is_pointwise(shapes, words)
    gathers = in_c < 4 and filter_w > 1 and dilation == 1
    columns = -(-out_h * out_w // 2) if pointwise else out_w
    taps, depth = (1, filter_w * in_c) if gathers else (filter_w, in_c)
    weights = filter_h * filter_w * in_c
    shared = [min(most, sums // weights // 2 * 2) for most, sums in _CHANNELS_OF_SUMS]
    channels = min(_even(out_c), max(*shared, _LEAST_CHANNELS))
    positions = min(columns, _INPUT_PAIRS, max(_LEAST_PAIRS, _ERROR_PAIRS // channels))
    pixels = positions + (taps - 1) * dilation // stride
    at_a_time = max(1, min(_INPUT_PAIRS, _ERROR_PAIRS // channels) // pixels)
    rows = pixels * (1 if pointwise else min(-(-out_h // 2), at_a_time))
    strip = (positions - 1) * stride * in_c + depth if gathers else 0
    return channels * weights + channels * rows + _WORDS_OF_PAIR * rows + (2 * strip + 3) // 4


def _is_pointwise(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> bool:
    """The window is a pixel, and so are steps."""
    steps = [words[name] for name in ("stride_h", "stride_w", "pad_top", "pad_left")]
    return list(shapes["w"][1:3]) == [1, 1] and steps == [1, 1, 0, 0]


def _even(n: int) -> int:
    return -(-n // 2) * 2
