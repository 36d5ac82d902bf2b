"""What a file and a plan state of a tensor's quantisation."""

from __future__ import annotations

from typing import Any

import numpy as np

from . import plan_format as pf
from .graph import Quantization, Tensor
from .plan_format import ScalarType


def stored_quantization(stored: Any) -> Quantization | None:
    """Of a tensor of the object form, as the file has it; None without scales, or without the zero points that
    TensorFlow Lite asks for beside them."""
    q = stored.quantization
    if q is None or q.scale is None or len(q.scale) == 0 or q.zeroPoint is None or len(q.zeroPoint) == 0:
        return None
    scales, zero_points = np.asarray(q.scale, np.float32), np.asarray(q.zeroPoint, np.int64)
    return Quantization(scales, zero_points, int(q.quantizedDimension))


def stated(tensor: Tensor) -> Quantization | None:
    """A tensor's quantisation as plans hold it, None for numbers as they are.

    One scale, or one for each element along an axis, positive and finite; one zero point, inside the type. What a file
    says besides is no quantisation: the tensor is read by another interpreter only, or refused by an operator's
    constraints. Of tensors of one dimension the axis is that one, whatever a converter has written there.
    """
    q, kind = tensor.quantization, ScalarType.of(tensor.dtype)
    if q is None or kind is None or kind.dtype.kind not in "iu" or tensor.dtype == "bool":
        return None
    axis = q.axis if len(tensor.shape) > 1 and len(q.scales) > 1 else 0
    fits = len(q.scales) == 1 or (0 <= axis < len(tensor.shape) <= pf.MAX_RANK and tensor.shape[axis] == len(q.scales))
    zero_points, stored = np.unique(q.zero_points), np.iinfo(kind.dtype)
    fits = fits and len(zero_points) == 1 and stored.min <= zero_points[0] <= min(stored.max, np.iinfo("i4").max)
    if not fits or not (np.isfinite(q.scales).all() and (q.scales > 0).all()):
        return None
    return Quantization(q.scales, np.full(len(q.scales), zero_points[0]), axis)


def numbers_of(tensor: Tensor) -> np.ndarray | None:
    """What the elements of a constant stand for, None without data."""
    q = stated(tensor)
    if tensor.data is None or q is None:
        return tensor.data
    scales = q.scales.reshape([-1 if axis == q.axis else 1 for axis in range(max(tensor.data.ndim, 1))])
    return np.asarray((tensor.data.astype(np.float32) - q.zero_points[0]) * scales, np.float32)


class QuantizationRecords:
    """The records of a plan, each once.

    Parameters
    ----------
    words : list of int
        Of the plan: the scales are appended.
    """

    def __init__(self, words: list[int]) -> None:
        self._words = words
        self._index: dict[tuple[ScalarType, int, int, bytes], int] = {}
        self._records: list[np.ndarray] = []

    def index(self, quantization: Quantization | None, kind: ScalarType) -> int:
        """Of the record that values and parameters of a type name."""
        if quantization is None:
            return pf.NONE_INDEX
        scales = np.ascontiguousarray(quantization.scales, "<f4")
        key = (kind, quantization.axis, int(quantization.zero_points[0]), scales.tobytes())
        if key not in self._index:
            record = np.zeros((), pf.QUANTIZATION)
            record["type"], record["axis"], record["zero_point"] = key[:3]
            record["scale_begin"], record["scale_count"] = len(self._words), len(scales)
            self._words += scales.view("<u4").tolist()
            self._index[key] = len(self._records)
            self._records.append(record)
        return self._index[key]

    def records(self) -> np.ndarray:
        """The section."""
        return np.array(self._records, pf.QUANTIZATION)
