"""The types of a model's ends: what samples, which are numbers, become before an interpreter takes them, and back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .converters import flatbuffer
from .converters.errors import UserError
from .converters.flatbuffer import TENSOR_TYPE_NAMES

_QUANTISED = ("int8", "uint8", "int16")


@dataclass(frozen=True)
class InputType:
    """
    Attributes
    ----------
    dtype : str
    scale, zero_point
        Of a quantised input: number = scale * (stored - zero_point).
    """

    dtype: str
    scale: float | None = None
    zero_point: int = 0

    @classmethod
    def of_file(cls, data: bytes, name: str) -> "InputType":
        """Of a ``.tflite``'s only input."""
        graph = flatbuffer.load(data, name).subgraphs[0]
        return cls.of_tensor(graph.tensors[graph.inputs[0]])

    @classmethod
    def of_tensor(cls, tensor: Any) -> "InputType":
        """Of a tensor of the file."""
        dtype, q = TENSOR_TYPE_NAMES[tensor.type], tensor.quantization
        if dtype not in _QUANTISED or q is None or q.scale is None or len(q.scale) != 1:
            return cls(dtype)
        return cls(dtype, float(q.scale[0]), 0 if q.zeroPoint is None else int(q.zeroPoint[0]))

    def is_raw(self, x: Any) -> bool:
        """Whether an array that a user gives holds stored numbers of a quantised input, not the numbers they stand
        for."""
        return self.scale is not None and bool(np.asarray(x).dtype == self.dtype)

    def numbers(self, stored: np.ndarray) -> np.ndarray:
        """What stored numbers stand for, float32; whole numbers without a scale are themselves."""
        if self.scale is None:
            return stored.astype(np.float32)
        return np.float32(self.scale) * (stored.astype(np.float32) - np.float32(self.zero_point))

    def stored(self, samples: np.ndarray, raw: bool, name: str = "x") -> np.ndarray:
        """Samples as the interpreter takes them.

        Parameters
        ----------
        samples : ndarray, float32
        raw : bool
            See ``is_raw``.
        name : str
            For messages.

        Raises
        ------
        UserError
            An input of whole numbers (indices of words and the like), and others in the samples.
        """
        if self.dtype == "float32":
            return samples
        info = np.iinfo(self.dtype)
        if self.scale is not None and not raw:
            scaled = samples / np.float32(self.scale)
            whole = np.trunc(scaled + np.copysign(np.float32(0.5), scaled)) + self.zero_point  # half away from zero
            return np.clip(whole, info.min, info.max).astype(self.dtype)
        if (samples != np.trunc(samples)).any() or samples.min() < info.min or samples.max() > info.max:
            raise UserError(
                f"{name} holds other numbers than the whole ones from {info.min} to {info.max} that the model's input "
                f"({self.dtype}) takes"
            )
        return samples.astype(self.dtype)
