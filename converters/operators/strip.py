"""Strips: rows of an image with zeros around it, in which no tap of a convolution needs a test of bounds.

Their C++ twins are ``TiledConv``, which uses what it is given if that is long enough, ``BackwardStrip`` and
``WindowStrip``.
"""

from __future__ import annotations

from collections.abc import Mapping

from ..plan_format import MAX_STRIP
from .spec import Shape, Word

_TABULATED = 16  # elements of a pool's window whose offsets are tabulated


def forward_strip(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Floats under a row of 2x2 outputs of a 3x3 filter with stride 1; 0 for other steps, or too long a row.

    Parameters
    ----------
    shapes : mapping
        Of the arguments, by name.
    words : mapping
        Constants of the step, by name.
    """
    (_, _, _, depth), (_, *size, _), (_, rows, columns, _) = shapes["x"], shapes["w"], shapes["y"]
    steps = [words[f"{name}_{axis}"] for name in ("stride", "dilation") for axis in "hw"]
    if size != [3, 3] or steps != [1, 1, 1, 1] or depth not in (1, 4):
        return 0
    if "map_h" not in words:
        tiles = -(-columns // 2)
    elif _windows_are_tiles(words, rows, columns):
        tiles = columns
    else:
        return 0
    return _limited(4 * (2 * tiles + 2) * depth)


def backward_strip(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Floats under a row of the error's windows; 0 where they lie inside the image, or there are too many.

    Parameters
    ----------
    shapes, words
        As for ``forward_strip``; the error's shape is that of ``y``.
    """
    x, w, y = shapes["x"], shapes["w"], shapes["y"]
    pool = _pool(words)
    if words["dilation_w"] != 1 or pool["filter_h"] * pool["filter_w"] > _TABULATED:
        return 0
    inside, covered = True, []
    for axis, (letter, pad) in enumerate((("h", "pad_top"), ("w", "pad_left")), 1):
        stride, dilation = int(words[f"stride_{letter}"]), int(words[f"dilation_{letter}"])
        window = (pool[f"filter_{letter}"] - 1) * stride + (w[axis] - 1) * dilation + 1
        row = window + (y[axis] - 1) * pool[f"stride_{letter}"] * stride
        inside &= pool[pad] == 0 and words[pad] == 0 and row <= x[axis]
        covered.append(window if letter == "h" else row)
    return 0 if inside else _limited(covered[0] * covered[1] * x[3])


def window_strip(shapes: Mapping[str, Shape], words: Mapping[str, Word]) -> int:
    """Floats of an int8 image under a row of the error's windows, or under as many of them as ``MAX_STRIP`` floats
    hold, at least one.

    Parameters
    ----------
    shapes, words
        As for ``backward_strip``.
    """
    x, w, y = shapes["x"], shapes["w"], shapes["y"]
    pool = _pool(words)
    height, width = (
        (pool[f"filter_{axis}"] - 1) * int(words[f"stride_{axis}"]) + (w[i] - 1) * int(words[f"dilation_{axis}"]) + 1
        for i, axis in enumerate("hw", 1)
    )
    step = pool["stride_w"] * int(words["stride_w"])
    windows = max(1, min(y[2], 1 + (MAX_STRIP // (height * x[3]) - width) // step))
    return height * (width + (windows - 1) * step) * x[3]


def _pool(words: Mapping[str, Word]) -> dict[str, int]:
    """Window of the max-pool that runs with the convolution, of one element if there is none."""
    if "map_h" not in words:
        return dict(filter_h=1, filter_w=1, stride_h=1, stride_w=1, pad_top=0, pad_left=0)
    found = {name: int(words[name]) for name in ("filter_h", "filter_w")}
    return found | {name: int(words[f"pool_{name}"]) for name in ("stride_h", "stride_w", "pad_top", "pad_left")}


def _windows_are_tiles(words: Mapping[str, Word], rows: int, columns: int) -> bool:
    pool = _pool(words)
    return (
        all(pool[f"{name}_{axis}"] == 2 for name in ("filter", "stride") for axis in "hw")
        and pool["pad_top"] == pool["pad_left"] == 0
        and 2 * rows <= words["map_h"]
        and 2 * columns <= words["map_w"]
    )


def _limited(elements: int) -> int:
    return elements if elements <= MAX_STRIP else 0
