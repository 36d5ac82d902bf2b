"""TensorFlow's gradients through an int8 model: the reference for its backward pass.

Every operator is computed in real numbers on dequantised inputs, then its result takes the value that the genuine
TensorFlow Lite Micro has computed in int8, and an error passes it where that value lies between the operator's bounds
(straight through the rounding). What differs from a device are float32 sums alone.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import tensorflow as tf
from tf_reference import TensorFlowModel
from tflm_train.converters.graph import Graph, Operator, Tensor
from tflm_train.converters.loss_end import choose_loss
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.operators.fixed_point import activation_bounds, bounds, of_bias
from tflm_train.converters.plan_format import Activation
from tflm_train.converters.quantization import stated
from tflm_train.converters.trainability import TrainedLayers

# besides those that state their bounds; the others move elements, or have an output that holds all of their range
_CLAMPED = ("QUANTIZE", "MEAN", "SUM", "LEAKY_RELU", "HARD_SWISH", "ELU")


def stored(x: np.ndarray, tensor: Tensor) -> np.ndarray:
    """Numbers as a quantised tensor stores them."""
    q = stated(tensor)
    assert q is not None
    units = np.asarray(x, np.float32) / np.float32(q.scales[0])
    whole = np.trunc(units + np.copysign(np.float32(0.5), units)) + q.zero_points[0]
    info = np.iinfo(tensor.dtype)
    return np.clip(whole, info.min, info.max).astype(tensor.dtype)


def dequantised(data: np.ndarray, scales: np.ndarray, zero_point: int = 0, axis: int = 0) -> np.ndarray:
    """The numbers that integers stand for, in double precision."""
    shape = [1] * max(data.ndim, 1)
    if len(scales) > 1:
        shape[axis] = len(scales)
    return (data.astype(np.float64) - zero_point) * np.asarray(scales, np.float64).reshape(shape)


class WheelTensors:
    """All tensors of one inference of the ``tflite-micro`` wheel."""

    def __init__(self, data: bytes) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self._data = bytes(bytearray(data))
        self._interpreter = runtime.Interpreter.from_bytes(
            self._data, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
        )

    def __call__(self, x: np.ndarray, tensors: list[int]) -> dict[int, np.ndarray]:
        """``x``: as the model stores it."""
        self._interpreter.set_input(x, 0)
        self._interpreter.invoke()
        return {t: np.array(self._interpreter.GetTensor(t, 0)["tensor_data"]) for t in tensors}


class Int8Model(TensorFlowModel):
    """As ``TensorFlowModel``; ``variables`` are real numbers."""

    def __init__(self, data: bytes, graph: Graph, layers: TrainedLayers, loss: str = "auto") -> None:
        self._bias_units = {
            op.inputs[spec.position("b")]: of_bias(*(graph.tensors[op.inputs[spec.position(n)]] for n in ("x", "w")))
            for op in graph.operators
            for spec in [OPERATORS[op.type]]
            if "b" in spec.parameters and op.input(spec.position("b")) >= 0 and spec.computes_int8(graph, op)
        }
        super().__init__(graph, layers, "float64")
        self._wheel = WheelTensors(data)
        self._end = choose_loss(graph, loss)

    def constant(self, tensor: int) -> np.ndarray:
        info = self.graph.tensors[tensor]
        q = self._bias_units.get(tensor) or stated(info)
        if q is None or info.data is None:
            return super().constant(tensor)
        return dequantised(info.data, q.scales, int(q.zero_points[0]), q.axis)

    def tensors(self, x: np.ndarray) -> dict[int, tf.Tensor]:
        source = self.graph.tensors[self.graph.inputs[0]]
        if source.dtype == "float32":
            given, number = np.asarray(x, np.float32).reshape(source.shape), np.asarray(x)
        else:
            given = stored(x, source).reshape(source.shape)
            q = stated(source)
            number = dequantised(given, q.scales, int(q.zero_points[0]))
        computed = [t for op in self.graph.operators if op.index not in self.graph.folded for t in op.outputs]
        self._stored = self._wheel(given, computed)
        values = {source.index: tf.constant(np.asarray(number, np.float64).reshape(source.shape))}

        def value(t: int) -> Any:
            t = self.graph.same.get(t, t)
            if t in values:
                return values[t]
            return self.variables[t] if t in self.variables else tf.constant(self.constant(t))

        self._values = value
        for op in self.graph.operators:
            if op.index not in self.graph.folded:
                results = self._real(op, value)
                values |= zip(op.outputs, results)
        return values

    def _real(self, op: Operator, value: Any) -> list[tf.Tensor]:
        if op.type in ("QUANTIZE", "DEQUANTIZE"):
            found: Any = tf.reshape(value(op.inputs[0]), self.graph.tensors[op.outputs[0]].shape)
        else:
            options = {k: v for k, v in op.options.items() if k != "fused_activation_function"}
            found = self._run(replace(op, options=options), value)
        results = found if isinstance(found, list) else [found]
        return [self._rounded(op, t, real) for t, real in zip(op.outputs, results)]

    def _rounded(self, op: Operator, tensor: int, real: tf.Tensor) -> tf.Tensor:
        info = self.graph.tensors[tensor]
        q = stated(info)
        if q is None:
            return real
        integers = self._stored[tensor].reshape(info.shape)
        number = dequantised(integers, q.scales, int(q.zero_points[0]))
        if op.type == "SOFTMAX":  # its slopes at the stored parts
            x = tf.reshape(self._values(op.inputs[0]), info.shape)
            real = op.options["beta"] * number * (x - tf.reduce_sum(number * x, axis=-1, keepdims=True))
        limits = self._limits(op, info)
        through = real if limits is None else tf.where((integers > limits[0]) & (integers < limits[1]), real, 0.0)
        return through + tf.stop_gradient(number - through)

    def _limits(self, op: Operator, output: Tensor) -> tuple[int, int] | None:
        """The output's bounds, where the operator clamps it: an error passes between them."""
        int8 = OPERATORS[op.type].int8
        if int8 is not None and "low" in int8.kernel.word_names:
            low, high = bounds(self.graph, op)
            return int(low), int(high)
        if op.type in ("RELU", "RELU6"):
            q = stated(output)
            assert q is not None
            return activation_bounds(Activation[op.type], np.float32(q.scales[0]), int(q.zero_points[0]))
        info = np.iinfo(output.dtype)
        return (int(info.min), int(info.max)) if op.type in _CLAMPED else None

    def loss(self, values: dict[int, tf.Tensor], label: Any, kind: str) -> tf.Tensor:
        output, self.graph = self.graph, replace(self.graph, outputs=(self._end.input,))
        try:
            return super().loss(values, label, kind)
        finally:
            self.graph = output
