"""Windows that slide over an image: what convolutions and pools share."""

from __future__ import annotations

import numpy as np

from ..graph import Operator
from ..plan_format import Activation
from .shapes import require
from .spec import OptionField

STRIDES = (OptionField("padding", 0, 1), OptionField("strideW", 1, 4), OptionField("strideH", 2, 4))


def activation(op: Operator) -> Activation:
    """The fused activation."""
    return Activation[op.options.get("fused_activation_function", "NONE")]


def positions(size: int, filter_size: int, stride: int, dilation: int, padding: str) -> int:
    """Positions of a window along one dimension."""
    require(stride >= 1 and dilation >= 1 and filter_size >= 1, "a stride, dilation or filter size below 1")
    if padding == "SAME":
        return -(-size // stride)
    reach = (filter_size - 1) * dilation + 1
    require(size >= reach, "a filter larger than its input")
    return -(-(size - reach + 1) // stride)


def pads(op: Operator, size: tuple[int, int], window: tuple[int, int], output: tuple[int, int]) -> tuple[int, int]:
    """Rows and columns of padding before the image (TensorFlow's SAME puts the odd one behind)."""
    if op.options["padding"] != "SAME":
        return 0, 0
    stride = op.options["stride_h"], op.options["stride_w"]
    total = [max((output[i] - 1) * stride[i] + window[i] - size[i], 0) for i in (0, 1)]
    return total[0] // 2, total[1] // 2


def reach(size: int, filter_size: int, stride: int, dilation: int, positions: int = 1) -> int:
    """Rows or columns that kernels step over, strides of some positions included."""
    return size + filter_size * dilation + stride * positions


def addressable(rows: int, columns: int, channels: int) -> bool:
    """Whether the device can step over so many rows and columns in 32 bits."""
    return max(rows, columns) < 1 << 29 and rows * columns * channels < 1 << 31


def valid_taps(size: int, output: int, window: int, stride: int, dilation: int, pad: int) -> int:
    """Taps inside the image, summed over the output positions of one dimension."""
    first = pad - np.arange(window, dtype=np.int64) * dilation  # position * stride from here on is inside the image
    begin, end = -(-first // stride), -((-first - size) // stride)
    return int(np.maximum(np.minimum(end, output) - np.maximum(begin, 0), 0).sum())
