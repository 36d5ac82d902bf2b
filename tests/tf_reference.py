"""The ``.tflite``'s graph rebuilt in TensorFlow from its own (folded) weights: the reference for gradients."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
from tflm_train.converters.graph import Graph, Operator
from tflm_train.converters.operators import OPERATORS
from tflm_train.converters.trainability import TrainedLayers

_FUSED = {
    "NONE": lambda x: x,
    "RELU": tf.nn.relu,
    "RELU6": tf.nn.relu6,
    "RELU_N1_TO_1": lambda x: tf.clip_by_value(x, -1.0, 1.0),
}


def error_measure(a: np.ndarray, b: np.ndarray) -> float:
    """max|a - b| / max(max|b|, 1e-12)"""
    a, b = np.asarray(a, np.float64).ravel(), np.asarray(b, np.float64).ravel()
    assert a.shape == b.shape, f"{a.shape} against {b.shape}"
    return float(np.abs(a - b).max(initial=0.0) / max(np.abs(b).max(initial=0.0), 1e-12))


_REDUCTIONS = {"MEAN": tf.reduce_mean, "SUM": tf.reduce_sum, "REDUCE_MAX": tf.reduce_max}
_BINARY = {
    "ADD": tf.add,
    "SUB": tf.subtract,
    "MUL": tf.multiply,
    "DIV": tf.divide,
    "SQUARED_DIFFERENCE": tf.math.squared_difference,
    "MAXIMUM": tf.maximum,
    "MINIMUM": tf.minimum,
}


class TensorFlowModel:
    """Runs a graph in TensorFlow, in double precision unless told otherwise.

    ``variables`` maps trainable tensors to variables of their shape.
    """

    def __init__(self, graph: Graph, layers: TrainedLayers, dtype: str = "float64") -> None:
        self.graph = graph
        self.dtype = dtype
        self.variables: dict[int, tf.Variable] = {}
        for index in sorted(layers.trained):
            op = graph.operators[index]
            spec = OPERATORS[op.type]
            for tensor in (op.input(spec.position(name)) for name in spec.parameters):
                if tensor >= 0:
                    self.variables[tensor] = tf.Variable(self.constant(tensor).astype(dtype))

    def constant(self, tensor: int) -> np.ndarray:
        """Values of a constant of the file."""
        data = self.graph.tensors[tensor].data
        assert data is not None
        return data.astype(self.dtype) if data.dtype.kind == "f" else data

    def tensors(self, x: np.ndarray) -> dict[int, tf.Tensor]:
        """Every computed tensor for one input of the model's input shape."""
        graph = self.graph
        source = graph.tensors[graph.inputs[0]]
        dtype = self.dtype if source.dtype == "float32" else source.dtype
        values: dict[int, Any] = {source.index: tf.constant(np.asarray(x, dtype).reshape(source.shape))}

        def value(t: int) -> Any:
            t = graph.same.get(t, t)
            if t in values:
                return values[t]
            if t in self.variables:
                return self.variables[t]
            return tf.constant(self.constant(t))

        for op in graph.operators:
            if op.index not in graph.folded:
                results = self._run(op, value)
                values |= zip(op.outputs, results if isinstance(results, list) else [results])
        return values

    def _run(self, op: Operator, value: Any) -> tf.Tensor | list[tf.Tensor]:
        graph, options = self.graph, op.options
        x = value(op.inputs[0])
        fused = _FUSED[options.get("fused_activation_function", "NONE")]
        shape = graph.tensors[op.outputs[0]].shape
        bias = (
            value(op.inputs[2])
            if op.input(2) >= 0 and op.type in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
            else None
        )
        if op.type == "FULLY_CONNECTED":
            w = value(op.inputs[1])
            y = tf.matmul(tf.reshape(x, (-1, w.shape[1])), w, transpose_b=True)
            return tf.reshape(fused(y if bias is None else y + bias), shape)
        if op.type in ("CONV_2D", "DEPTHWISE_CONV_2D"):
            return fused(self._conv(op, x, value(op.inputs[1]), bias))
        if op.type in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
            pool = tf.nn.max_pool2d if op.type == "MAX_POOL_2D" else tf.nn.avg_pool2d
            window = options["filter_height"], options["filter_width"]
            return fused(pool(x, window, (options["stride_h"], options["stride_w"]), options["padding"]))
        if op.type == "GATHER":
            return tf.gather(x, value(op.inputs[1]))
        if op.type == "CAST":
            return tf.cast(x, "int32" if graph.tensors[op.outputs[0]].dtype == "int32" else self.dtype)
        if op.type == "PACK":
            return tf.stack([value(t) for t in op.inputs], options["axis"])
        if op.type == "UNPACK":
            return tf.unstack(x, axis=options["axis"])
        if op.type == "SPLIT":
            return tf.split(value(op.inputs[1]), options["num_splits"], int(tf.reshape(x, [])))
        if op.type == "SPLIT_V":
            return tf.split(x, value(op.inputs[1]), int(tf.reshape(value(op.inputs[2]), [])))
        if op.type == "SLICE":
            return tf.slice(x, *(value(t) for t in op.inputs[1:]))
        if op.type == "BATCH_MATMUL":
            return tf.matmul(x, value(op.inputs[1]), options["adj_x"], options["adj_y"])
        if op.type == "TRANSPOSE_CONV":
            _, filters, image = (value(t) for t in op.inputs[:3])
            stride = options["stride_h"], options["stride_w"]
            y = tf.nn.conv2d_transpose(image, tf.transpose(filters, (1, 2, 0, 3)), shape, stride, options["padding"])
            return fused(y + (value(op.inputs[3]) if op.input(3) >= 0 else 0.0))
        if op.type == "PRELU":
            return tf.where(x > 0, x, x * value(op.inputs[1]))
        if op.type in _BINARY:
            return fused(_BINARY[op.type](x, value(op.inputs[1])))
        if op.type in _REDUCTIONS:
            function = _REDUCTIONS[op.type]
            return tf.reshape(function(x, axis=np.atleast_1d(graph.tensors[op.inputs[1]].data).tolist()), shape)
        if op.type == "STRIDED_SLICE":
            bounds = [graph.tensors[t].data for t in op.inputs[1:]]
            masks = {name: options[name] for name in ("begin_mask", "end_mask", "shrink_axis_mask")}
            return tf.strided_slice(x, *bounds, **masks)
        if op.type == "TILE":
            return tf.tile(x, graph.tensors[op.inputs[1]].data)
        if op.type == "RESIZE_NEAREST_NEIGHBOR":
            return tf.raw_ops.ResizeNearestNeighbor(
                images=x,
                size=graph.tensors[op.inputs[1]].data,
                align_corners=options["align_corners"],
                half_pixel_centers=options["half_pixel_centers"],
            )
        if op.type == "PAD":
            return tf.pad(x, graph.tensors[op.inputs[1]].data)
        if op.type == "CONCATENATION":
            return tf.concat([value(t) for t in op.inputs], options["axis"])
        if op.type in ("RESHAPE", "SQUEEZE", "EXPAND_DIMS"):
            return tf.reshape(x, shape)
        if op.type == "TRANSPOSE":
            return tf.transpose(x, graph.tensors[op.inputs[1]].data)
        if op.type == "SOFTMAX":
            return tf.nn.softmax(options["beta"] * x)
        functions = {
            "LOGISTIC": tf.sigmoid,
            "TANH": tf.tanh,
            "RELU": tf.nn.relu,
            "RELU6": tf.nn.relu6,
            "RELU_N1_TO_1": _FUSED["RELU_N1_TO_1"],
            "LEAKY_RELU": lambda v: tf.nn.leaky_relu(v, options["alpha"]),
            "EXP": tf.exp,
            "LOG": tf.math.log,
            "ELU": tf.nn.elu,
            "NEG": tf.negative,
            "ABS": tf.abs,
            "SQRT": tf.sqrt,
            "RSQRT": tf.math.rsqrt,
            "SQUARE": tf.square,
            "LOG_SOFTMAX": tf.nn.log_softmax,
            "GELU": lambda v: tf.nn.gelu(v, options["approximate"]),
            "HARD_SWISH": lambda v: v * tf.nn.relu6(v + 3.0) / 6.0,
        }
        return functions[op.type](x)

    def _conv(self, op: Operator, x: tf.Tensor, w: tf.Tensor, bias: tf.Tensor | None) -> tf.Tensor:
        options = op.options
        stride = options["stride_h"], options["stride_w"]
        dilation = options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1)
        if op.type == "CONV_2D" and w.shape[3] != x.shape[3]:  # TensorFlow's gradient of groups needs a GPU
            parts = zip(*(tf.split(v, x.shape[3] // w.shape[3], axis) for v, axis in ((x, 3), (w, 0))))
            groups = [tf.nn.conv2d(a, tf.transpose(b, (1, 2, 3, 0)), stride, options["padding"]) for a, b in parts]
            assert dilation == (1, 1)
            return tf.concat(groups, 3) + (0.0 if bias is None else bias)
        if dilation == (1, 1) and (op.type == "CONV_2D" or stride[0] == stride[1]):
            bias = 0.0 if bias is None else bias
            if op.type == "CONV_2D":
                return tf.nn.conv2d(x, tf.transpose(w, (1, 2, 3, 0)), stride, options["padding"]) + bias
            filters = tf.reshape(w, (*w.shape[1:3], x.shape[3], -1))
            return tf.nn.depthwise_conv2d(x, filters, (1, *stride, 1), options["padding"]) + bias
        # tap by tap where TensorFlow has no CPU kernel: dilated gradients, depthwise with unequal strides
        height, width = (w.shape[1] - 1) * dilation[0] + 1, (w.shape[2] - 1) * dilation[1] + 1
        shape = self.graph.tensors[op.outputs[0]].shape
        if options["padding"] == "SAME":
            total = [max((shape[1 + i] - 1) * stride[i] + (height, width)[i] - x.shape[1 + i], 0) for i in (0, 1)]
            x = tf.pad(x, [[0, 0]] + [[t // 2, t - t // 2] for t in total] + [[0, 0]])
        result: Any = 0.0 if bias is None else bias
        for u in range(w.shape[1]):
            for v in range(w.shape[2]):
                top, left = u * dilation[0], v * dilation[1]
                part = x[
                    :,
                    top : top + (shape[1] - 1) * stride[0] + 1 : stride[0],
                    left : left + (shape[2] - 1) * stride[1] + 1 : stride[1],
                    :,
                ]
                if op.type == "CONV_2D":
                    result = result + tf.einsum("bhwi,oi->bhwo", part, w[:, u, v, :])
                else:
                    result = result + tf.repeat(part, w.shape[3] // part.shape[3], axis=3) * w[0, u, v, :]
        return result

    def loss(self, values: dict[int, tf.Tensor], label: Any, kind: str) -> tf.Tensor:
        """``kind``: cross-entropy, binary-cross-entropy, mse, mae or huber at the output (``-logits``: from logits)."""
        output = tf.reshape(values[self.graph.outputs[0]], (-1,))
        target = np.asarray(label)
        if target.ndim == 0 and target.dtype.kind in "iu":
            target = np.eye(output.shape[0])[int(target)] if output.shape[0] > 1 else np.array([float(target)])
        target = tf.constant(target.reshape(-1).astype(self.dtype))
        if kind == "cross-entropy":
            return -tf.reduce_sum(target * tf.math.log(output))
        if kind == "cross-entropy-logits":
            return tf.nn.softmax_cross_entropy_with_logits(target, output)
        if kind == "binary-cross-entropy":
            return -tf.reduce_mean(target * tf.math.log(output) + (1 - target) * tf.math.log(1 - output))
        if kind == "binary-cross-entropy-logits":
            return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(target, output))
        if kind == "mae":
            return tf.reduce_mean(tf.abs(output - target))
        if kind == "huber":
            return tf.keras.losses.huber(target, output)
        return tf.reduce_mean((output - target) ** 2)

    def gradients(self, x: np.ndarray, label: Any, kind: str) -> tuple[float, dict[int, np.ndarray]]:
        """Loss and the gradient of every variable, from tf.GradientTape."""
        with tf.GradientTape() as tape:
            loss = self.loss(self.tensors(x), label, kind)
        grads = tape.gradient(loss, list(self.variables.values()))
        zero = [
            np.zeros(v.shape) if g is None else tf.convert_to_tensor(g).numpy()
            for v, g in zip(self.variables.values(), grads)
        ]
        return float(loss), dict(zip(self.variables, zero))

    def sgd_step(self, x: np.ndarray, label: Any, kind: str, learning_rate: float) -> float:
        """One step of plain SGD; returns the loss before it."""
        loss, grads = self.gradients(x, label, kind)
        for tensor, variable in self.variables.items():
            variable.assign_sub(learning_rate * grads[tensor].reshape(variable.shape))
        return loss
