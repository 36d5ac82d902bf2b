"""Builds int8 models operator by operator: scales and zero points as a test wants them."""

from __future__ import annotations

from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflite_builder import TYPES, ModelBuilder


class Int8Builder(ModelBuilder):
    """A ``ModelBuilder`` whose computed tensors are int8.

    Parameters
    ----------
    rng : numpy.random.Generator
        Of scales and zero points that are not given.
    scale : float
        About what a unit of the tensors is.
    """

    def __init__(self, rng: np.random.Generator, scale: float = 0.05) -> None:
        super().__init__()
        self.rng, self.scale = rng, scale

    def quantise(self, tensor: int, scale: Any = None, zero_point: int | None = None, axis: int = 0) -> int:
        """States a tensor's quantisation, at random where nothing is given."""
        scales = np.atleast_1d(self.scale * self.rng.uniform(0.7, 1.4) if scale is None else scale)
        q = schema.QuantizationParametersT()
        q.scale = scales.astype(np.float32)
        zero = int(self.rng.integers(-128, 128)) if zero_point is None else zero_point
        q.zeroPoint = np.full(len(scales), zero, np.int64)
        q.quantizedDimension = axis
        self.graph.tensors[tensor].quantization = q
        return tensor

    def same_scale(self, tensor: int, source: int) -> int:
        """States the quantisation of another tensor."""
        self.graph.tensors[tensor].quantization = self.graph.tensors[source].quantization
        return tensor

    def scale_of(self, tensor: int) -> float:
        return float(self.graph.tensors[tensor].quantization.scale[0])

    def int8_input(self, *shape: int, scale: Any = None, zero_point: int | None = None, dtype: str = "int8") -> int:
        return self.quantise(self.input(*shape, dtype=dtype), scale, zero_point)

    def int8_constant(self, array: np.ndarray, scale: Any = None, zero_point: int | None = None, axis: int = 0) -> int:
        return self.quantise(self.constant(array.astype(np.int8)), scale, zero_point, axis)

    def weights(self, x: int, shape: tuple[int, ...], axis: int, per_channel: bool, bias: bool = True) -> list[int]:
        """Weights and biases of a layer behind ``x``, so that its sums stay of the size of its input."""
        terms = int(np.prod(shape)) // shape[axis]
        count = shape[axis] if per_channel else 1
        scales = (self.rng.uniform(0.5, 1.5, count) / (100 * np.sqrt(terms))).astype(np.float32)
        w = self.int8_constant(self.rng.integers(-127, 128, shape), scales, 0, axis if per_channel else 0)
        if not bias:
            return [w]
        units = (np.float32(self.scale_of(x)) * scales).astype(np.float32)
        values = np.round(self.rng.normal(size=shape[axis]) * 0.3 / units).astype(np.int32)
        return [w, self.quantise(self.constant(values), units, 0)]

    def int8_ops(self, type_name: str, inputs: list[int], shapes: list[tuple[int, ...]], **options: Any) -> list[int]:
        """Appends an operator with int8 outputs."""
        outputs = self.ops(type_name, inputs, shapes, **options)
        for tensor in outputs:
            self.graph.tensors[tensor].type = TYPES["int8"]
            self.quantise(tensor)
        return outputs

    def int8_op(self, type_name: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> int:
        return self.int8_ops(type_name, inputs, [shape], **options)[0]

    def int8_dense(self, x: int, outputs: int, per_channel: bool = True, bias: bool = True, fused: int = 0) -> int:
        shape = tuple(self.graph.tensors[x].shape.tolist())
        inputs = [x, *self.weights(x, (outputs, shape[-1]), 0, per_channel, bias)]
        inputs += [] if bias else [-1]
        return self.int8_op("FULLY_CONNECTED", inputs, (*shape[:-1], outputs), fusedActivationFunction=fused)
