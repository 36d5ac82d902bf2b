"""Workspaces of the int8 forward kernels, in 16-bit elements: columns of widened inputs, strips of bytes.

Their C++ twins are ``FullyConnectedWorkspace``, ``Conv2DWorkspace`` and ``DepthwiseBlocks``: a device refuses a plan
whose workspace is shorter.
"""

from __future__ import annotations

from collections.abc import Mapping

from .spec import Shape, Word

_STRIP_BYTES = 2048  # if four channels need no more
_WORDS_OF_FOUR = 12  # biases and factors of four channels


def dense_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """The inputs of a neuron.

    Parameters
    ----------
    shapes : mapping
        Of the arguments, by name.
    words : mapping
        Constants of the step, by name.
    """
    return _column(shapes["w"][1])


def conv_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Two columns, and the bytes of one that is gathered where it does not lie together in the image."""
    _, *size, depth = shapes["w"]
    column = _column(size[0] * size[1] * depth)
    steps = [words[name] for name in ("stride_h", "stride_w", "pad_top", "pad_left")]
    pointwise = size == [1, 1] and steps == [1, 1, 0, 0]
    return 2 * column + (0 if pointwise else column // 2)


def depthwise_workspace(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Offsets of the taps; of some channels weights, biases and factors, and the strip under a row of outputs."""
    _, height, width, channels = shapes["w"]
    taps = height * width
    rows = (height - 1) * int(words["dilation_h"]) + 1
    columns = (shapes["y"][2] - 1) * int(words["stride_w"]) + (width - 1) * int(words["dilation_w"]) + 1
    bytes_of_channel = _WORDS_OF_FOUR + 2 * taps + rows * columns
    most = max(4, max(0, _STRIP_BYTES - 4 * taps) // bytes_of_channel // 4 * 4)
    blocks = -(-channels // most)
    depth = -(-channels // blocks)
    return (-(-depth // 4) * 4 * bytes_of_channel + 4 * taps) // 2


def _column(elements: int) -> int:
    return -(-elements // 4) * 4
