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


def valid_taps(size: int, output: int, window: int, stride: int, dilation: int, pad: int) -> int:
    """Taps inside the image, summed over the output positions of one dimension."""
    places = np.arange(output)[:, None] * stride - pad + np.arange(window)[None, :] * dilation
    return int(((places >= 0) & (places < size)).sum())
