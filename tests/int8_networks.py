"""Small int8 networks with the quantisation that a test asks for."""

from __future__ import annotations

from typing import Any

import numpy as np
from bodies import quantised
from tflite_builder import ACTIVATIONS, ModelBuilder


class Int8Builder(ModelBuilder):
    """Layers whose weights are given as int8, biases as int32."""

    def int8_input(self, *shape: int, scale: float = 0.04, zero_point: int = 3) -> int:
        return quantised(self, self.input(*shape), "int8", scale, zero_point)

    def int8_op(
        self,
        kind: str,
        inputs: list[int],
        shape: tuple[int, ...],
        scale: float = 0.05,
        zero_point: int = 0,
        **options: Any,
    ) -> int:
        return quantised(self, self.op(kind, inputs, shape, **options), "int8", scale, zero_point)

    def int8_weights(
        self, w: np.ndarray, scales: Any = 0.01, axis: int = 0, bias: np.ndarray | None = None, x_scale: float = 0.04
    ) -> list[int]:
        """Weights of one scale or one for each channel along ``axis``, and their bias in units of the sums."""
        scales = np.atleast_1d(np.asarray(scales, np.float32))
        weights = quantised(self, self.constant(np.asarray(w, np.int8)), "int8", scales, np.zeros(len(scales)))
        self.graph.tensors[weights].quantization.quantizedDimension = axis
        if bias is None:
            return [weights, -1]
        unit = np.float32(x_scale) * scales
        return [weights, quantised(self, self.constant(np.asarray(bias, np.int32)), "int32", unit, np.zeros(len(unit)))]

    def int8_dense(
        self,
        x: int,
        w: np.ndarray,
        bias: np.ndarray | None = None,
        scales: Any = 0.01,
        activation: str = "NONE",
        **out: Any,
    ) -> int:
        x_scale = float(self.graph.tensors[x].quantization.scale[0])
        weights = self.int8_weights(w, scales, 0, bias, x_scale)
        shape = (1, len(w))
        return self.int8_op(
            "FULLY_CONNECTED", [x, *weights], shape, fusedActivationFunction=ACTIVATIONS[activation], **out
        )
