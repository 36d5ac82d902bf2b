"""Builds small ``.tflite`` models operator by operator, so that tests reach every option without an exporter."""

from __future__ import annotations

from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflm_train.converters.model_reader import EXPECTED_OPTIONS

TYPES = {
    "float32": schema.TensorType.FLOAT32,
    "int32": schema.TensorType.INT32,
    "int8": schema.TensorType.INT8,
    "uint8": schema.TensorType.UINT8,
    "float16": schema.TensorType.FLOAT16,
}
ACTIVATIONS = {"NONE": 0, "RELU": 1, "RELU_N1_TO_1": 2, "RELU6": 3}
PADDINGS = {"SAME": 0, "VALID": 1}

_OPTIONS = {
    "PAD": "PadOptions",
    "EXPAND_DIMS": "ExpandDimsOptions",
    "TRANSPOSE": "TransposeOptions",
    "HARD_SWISH": "HardSwishOptions",
    "L2_NORMALIZATION": "L2NormOptions",
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    **EXPECTED_OPTIONS,
}


class ModelBuilder:
    """Tensors are referred to by their index."""

    def __init__(self) -> None:
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.description = "built by a test"
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.graph.inputs, self.graph.outputs = [], []
        self.model.subgraphs = [self.graph]

    def tensor(self, shape: tuple[int, ...], dtype: str = "float32", name: str = "", buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.shape = np.array(shape, np.int32)
        tensor.type = TYPES[dtype]
        tensor.buffer = buffer
        tensor.name = (name or f"tensor_{len(self.graph.tensors)}").encode()
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def input(self, *shape: int, dtype: str = "float32") -> int:
        self.graph.inputs.append(self.tensor(shape, dtype, name="input"))
        return self.graph.inputs[-1]

    def constant(self, array: Any, name: str = "") -> int:
        """A constant; float64 becomes float32, int64 int32."""
        array = np.asarray(array)
        array = array.astype({"f": np.float32, "i": np.int32}[array.dtype.kind]) if array.dtype.itemsize == 8 else array
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), np.uint8)
        self.model.buffers.append(buffer)
        return self.tensor(array.shape, str(array.dtype), name, len(self.model.buffers) - 1)

    def op(self, type_name: str, inputs: list[int], shape: tuple[int, ...], **options: Any) -> int:
        """Appends an operator; options by the schema's attribute names (``strideH``). Returns its output."""
        return self.ops(type_name, inputs, [shape], **options)[0]

    def ops(self, type_name: str, inputs: list[int], shapes: list[tuple[int, ...]], **options: Any) -> list[int]:
        """The same with an output for each shape."""
        code = schema.OperatorCodeT()
        builtin = getattr(schema.BuiltinOperator, type_name)
        code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
        codes = [c.builtinCode for c in self.model.operatorCodes]
        if builtin not in codes:
            self.model.operatorCodes.append(code)
            codes.append(builtin)
        operator = schema.OperatorT()
        operator.opcodeIndex = codes.index(builtin)
        operator.inputs = np.array(inputs, np.int32)
        name = f"{type_name.lower()}_{len(self.graph.operators)}"
        ends = [""] + [f":{i}" for i in range(1, len(shapes))]
        outputs = [self.tensor(shape, name=name + end) for shape, end in zip(shapes, ends)]
        operator.outputs = np.array(outputs, np.int32)
        if type_name in _OPTIONS:
            name = _OPTIONS[type_name]
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, name)
            operator.builtinOptions = getattr(schema, name + "T")()
            for key, value in options.items():
                assert hasattr(operator.builtinOptions, key), f"{name} has no {key}"
                setattr(operator.builtinOptions, key, value)
        self.graph.operators.append(operator)
        return outputs

    def finish(self, output: int) -> bytes:
        self.graph.outputs = [output]
        builder = flatbuffers.Builder(1024)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        return bytes(builder.Output())

    # Operators that most tests use

    def dense(self, x: int, w: np.ndarray, b: np.ndarray | None, activation: str = "NONE", batch: int = 1) -> int:
        inputs = [x, self.constant(w), self.constant(b) if b is not None else -1]
        return self.op("FULLY_CONNECTED", inputs, (batch, w.shape[0]), fusedActivationFunction=ACTIVATIONS[activation])

    def conv(
        self,
        x: int,
        w: np.ndarray,
        b: np.ndarray | None,
        stride: tuple[int, int] = (1, 1),
        padding: str = "SAME",
        dilation: tuple[int, int] = (1, 1),
        activation: str = "NONE",
        multiplier: int = 0,
    ) -> int:
        """CONV_2D with w OHWI, or DEPTHWISE_CONV_2D with w [1, H, W, C * multiplier] when ``multiplier`` is given."""
        shape = tuple(self.graph.tensors[x].shape.tolist())
        size = window_output(shape[1:3], w.shape[1:3], stride, padding, dilation)
        common: dict[str, Any] = dict(
            padding=PADDINGS[padding],
            strideH=stride[0],
            strideW=stride[1],
            dilationHFactor=dilation[0],
            dilationWFactor=dilation[1],
            fusedActivationFunction=ACTIVATIONS[activation],
        )
        inputs = [x, self.constant(w)] + ([self.constant(b)] if b is not None else [])
        if multiplier:
            return self.op("DEPTHWISE_CONV_2D", inputs, (1, *size, w.shape[3]), depthMultiplier=multiplier, **common)
        return self.op("CONV_2D", inputs, (1, *size, w.shape[0]), **common)

    def pool(
        self,
        kind: str,
        x: int,
        window: tuple[int, int],
        stride: tuple[int, int],
        padding: str = "VALID",
        activation: str = "NONE",
    ) -> int:
        shape = tuple(self.graph.tensors[x].shape.tolist())
        size = window_output(shape[1:3], window, stride, padding, (1, 1))
        return self.op(
            f"{kind}_POOL_2D",
            [x],
            (1, *size, shape[3]),
            padding=PADDINGS[padding],
            strideH=stride[0],
            strideW=stride[1],
            filterHeight=window[0],
            filterWidth=window[1],
            fusedActivationFunction=ACTIVATIONS[activation],
        )

    def reshape(self, x: int, *shape: int) -> int:
        return self.op(
            "RESHAPE", [x, self.constant(np.array(shape, np.int32))], shape, newShape=np.array(shape, np.int32)
        )

    def flatten(self, x: int) -> int:
        """What the converter makes of Keras' Flatten with a free batch size: the shape is computed at run time."""
        shape = tuple(self.graph.tensors[x].shape.tolist())
        features = int(np.prod(shape[1:]))
        whole = self.op("SHAPE", [x], (len(shape),))
        first_one = [self.constant(np.array([i], np.int32)) for i in (0, 1, 1)]
        batch = self.op("STRIDED_SLICE", [whole, *first_one], (), shrinkAxisMask=1)
        target = self.op("PACK", [batch, self.constant(np.array(features, np.int32))], (2,), valuesCount=2)
        for t in (whole, batch, target):
            self.graph.tensors[t].type = schema.TensorType.INT32
        return self.op("RESHAPE", [x, target], (1, features))


def window_output(
    size: tuple[int, ...], window: tuple[int, ...], stride: tuple[int, int], padding: str, dilation: tuple[int, int]
) -> tuple[int, int]:
    """Output height and width of a sliding window."""
    extent = [(window[i] - 1) * dilation[i] + 1 for i in (0, 1)]
    if padding == "SAME":
        return -(-size[0] // stride[0]), -(-size[1] // stride[1])
    return (size[0] - extent[0]) // stride[0] + 1, (size[1] - extent[1]) // stride[1] + 1
