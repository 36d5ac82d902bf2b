"""Writes small sequential networks as ``.tflite`` files, without TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..converters.flatbuffer import dump, schema

RELU, NO_ACTIVATION = schema.ActivationFunctionType.RELU, schema.ActivationFunctionType.NONE


class NetworkFile:
    """A network that grows operator by operator, its weights drawn at random.

    Weights are normal with variance 2 / fan-in (He et al., "Delving Deep into Rectifiers", 2015, equation 10), biases
    are zero. The same seed gives the same bytes.

    Parameters
    ----------
    input_shape : tuple of int
        With the batch dimension, which is 1.
    seed : int
    """

    def __init__(self, input_shape: tuple[int, ...], seed: int) -> None:
        self._generator = np.random.Generator(np.random.PCG64(seed))
        self._graph = schema.SubGraphT()
        self._graph.tensors, self._graph.operators = [], []
        self._model = schema.ModelT()
        self._model.version = 3
        self._model.description = "tflm-train bench"
        self._model.buffers = [schema.BufferT()]
        self._model.operatorCodes = []
        self._model.subgraphs = [self._graph]
        self._graph.inputs = [self._tensor("input", input_shape, schema.TensorType.FLOAT32)]
        self._last = self._graph.inputs[0]

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the latest operator's output."""
        return tuple(int(d) for d in self._graph.tensors[self._last].shape)

    @property
    def last(self) -> int:
        """The latest operator's output, for ``go_on_from`` and ``add``."""
        return self._last

    def go_on_from(self, tensor: int) -> None:
        """What follows reads `tensor`."""
        self._last = tensor

    def conv(self, channels: int, size: int | tuple[int, int], activation: int = RELU, stride: int = 1) -> None:
        """CONV_2D with padding "same"; a size alone is that of a square filter."""
        options = schema.Conv2DOptionsT()
        height, width = (size, size) if isinstance(size, int) else size
        parameters = self._parameters((channels, height, width, self.shape[3]))
        self._convolution("CONV_2D", options, parameters, channels, activation, stride)

    def depthwise(self, size: int) -> None:
        """DEPTHWISE_CONV_2D with a square filter, ReLU, padding "same"."""
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = 1
        channels = self.shape[3]
        parameters = self._parameters((1, size, size, channels), fan_in=size * size)
        self._convolution("DEPTHWISE_CONV_2D", options, parameters, channels, RELU, 1)

    def _convolution(
        self, builtin: str, options: Any, parameters: list[int], channels: int, activation: int, stride: int
    ) -> None:
        options.padding = schema.Padding.SAME
        options.strideH = options.strideW = stride
        options.dilationHFactor = options.dilationWFactor = 1
        options.fusedActivationFunction = activation
        _, height, width, _ = self.shape
        shape = (1, -(-height // stride), -(-width // stride), channels)
        kind = "Conv2DOptions" if builtin == "CONV_2D" else "DepthwiseConv2DOptions"
        self._operator(builtin, kind, options, parameters, shape)

    def add(self, tensor: int) -> None:
        """ADD of the latest output and `tensor`, of one shape, with ReLU."""
        options = schema.AddOptionsT()
        options.fusedActivationFunction = RELU
        self._operator("ADD", "AddOptions", options, [tensor], self.shape)

    def average_pool(self) -> None:
        """AVERAGE_POOL_2D over all of the image."""
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        _, options.filterHeight, options.filterWidth, channels = self.shape
        options.strideH, options.strideW = options.filterHeight, options.filterWidth
        self._operator("AVERAGE_POOL_2D", "Pool2DOptions", options, [], (1, 1, 1, channels))

    def max_pool(self, size: int) -> None:
        """MAX_POOL_2D with a square window, the stride its size, padding "valid"."""
        options = schema.Pool2DOptionsT()
        options.padding = schema.Padding.VALID
        options.strideH = options.strideW = options.filterHeight = options.filterWidth = size
        _, height, width, channels = self.shape
        self._operator("MAX_POOL_2D", "Pool2DOptions", options, [], (1, height // size, width // size, channels))

    def flatten(self) -> None:
        """RESHAPE to [1, elements]."""
        shape = np.array([1, np.prod(self.shape)], np.int32)
        options = schema.ReshapeOptionsT()
        options.newShape = shape
        wanted = self._constant("shape", shape, schema.TensorType.INT32)
        self._operator("RESHAPE", "ReshapeOptions", options, [wanted], tuple(int(d) for d in shape))

    def dense(self, units: int, activation: int = NO_ACTIVATION) -> None:
        """FULLY_CONNECTED."""
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = activation
        parameters = self._parameters((units, self.shape[-1]))
        self._operator("FULLY_CONNECTED", "FullyConnectedOptions", options, parameters, (1, units))

    def softmax(self) -> None:
        """SOFTMAX with beta 1."""
        options = schema.SoftmaxOptionsT()
        options.beta = 1.0
        self._operator("SOFTMAX", "SoftmaxOptions", options, [], self.shape)

    def finish(self) -> bytes:
        """The file."""
        self._graph.outputs = [self._last]
        return dump(self._model)

    def _parameters(self, shape: tuple[int, ...], fan_in: int | None = None) -> list[int]:
        """Weights and biases; of a depthwise filter, whose channels are last, with its fan-in."""
        deviation = np.sqrt(2.0 / (fan_in or np.prod(shape[1:])))
        weights = (self._generator.standard_normal(shape) * deviation).astype(np.float32)
        bias = np.zeros(shape[0] if fan_in is None else shape[-1], np.float32)
        kind = schema.TensorType.FLOAT32
        return [self._constant("weights", weights, kind), self._constant("bias", bias, kind)]

    def _operator(
        self, builtin: str, options_name: str, options: Any, constants: list[int], output_shape: tuple[int, ...]
    ) -> None:
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code(getattr(schema.BuiltinOperator, builtin))
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, options_name)
        operator.builtinOptions = options
        operator.inputs = np.array([self._last, *constants], np.int32)
        self._last = self._tensor(builtin.lower(), output_shape, schema.TensorType.FLOAT32)
        operator.outputs = np.array([self._last], np.int32)
        self._graph.operators.append(operator)

    def _code(self, builtin: int) -> int:
        codes = [code.builtinCode for code in self._model.operatorCodes]
        if builtin not in codes:
            code = schema.OperatorCodeT()
            code.builtinCode, code.deprecatedBuiltinCode, code.version = builtin, min(builtin, 127), 1
            self._model.operatorCodes.append(code)
            codes.append(builtin)
        return codes.index(builtin)

    def _constant(self, name: str, values: np.ndarray, kind: int) -> int:
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._model.buffers.append(buffer)
        return self._tensor(name, values.shape, kind, len(self._model.buffers) - 1)

    def _tensor(self, name: str, shape: tuple[int, ...], kind: int, buffer: int = 0) -> int:
        tensor = schema.TensorT()
        tensor.name = f"{name}_{len(self._graph.tensors)}".encode()
        tensor.shape = np.array(shape, np.int32)
        tensor.type = kind
        tensor.buffer = buffer
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1
