"""Trained weights by layer, in the shapes that Keras gives them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .converters import flatbuffer, model_reader
from .converters.graph import Graph, Operator, Quantization
from .converters.layer_choice import parameter_operators
from .converters.layer_names import layer_names
from .converters.operators import OPERATORS
from .converters.operators.fixed_point import most_bias
from .converters.plan_format import NONE_INDEX, ParameterKind, Plan, ScalarType
from .data import finite_float32
from .errors import UserError
from .model import TrainableModel

# dimensions of kernels in the order of Keras, where it is not the file's
_AXES = {"FULLY_CONNECTED": (1, 0), "CONV_2D": (1, 2, 3, 0), "TRANSPOSE_CONV": (1, 2, 0, 3)}


@dataclass(frozen=True)
class TrainedLayer:
    """A layer that trains.

    Attributes
    ----------
    name : str
        The Keras layer's own name where it tells the layer, else as ``tflm-train inspect`` prints it.
    operator : Operator
    tensor : int
        Of the kernel.
    kernel, bias : int or None
        Positions among the plan's parameters.
    kernel_shape : tuple of int
        As the device has it.
    channels : int
        Of the layer's input.
    """

    name: str
    operator: Operator
    tensor: int
    kernel: int | None
    bias: int | None
    kernel_shape: tuple[int, ...]
    channels: int

    @property
    def parameters(self) -> list[int]:
        """Kernel and bias, as far as they train."""
        return [index for index in (self.kernel, self.bias) if index is not None]

    @property
    def keras_shape(self) -> tuple[int, ...]:
        """Of the kernel in Keras."""
        if self.operator.type == "DEPTHWISE_CONV_2D":
            return (*self.kernel_shape[1:3], self.channels, self.kernel_shape[3] // self.channels)
        return tuple(self.kernel_shape[axis] for axis in self._axes)

    @property
    def _axes(self) -> tuple[int, ...]:
        """The device's dimension for each of Keras'."""
        return _AXES.get(self.operator.type, tuple(range(len(self.kernel_shape))))

    def to_keras(self, index: int, values: np.ndarray) -> np.ndarray:
        """A copy of a parameter as Keras has it: kernels of dense layers (inputs, outputs), of convolutions (height,
        width, inputs, outputs), of transposed ones (height, width, outputs, inputs), of depthwise ones (height, width,
        inputs, multiplier); tables and slopes as they are."""
        if index != self.kernel:
            return values.copy()
        return values.reshape(self.kernel_shape).transpose(self._axes).reshape(self.keras_shape).copy()

    def from_keras(self, index: int, array: np.ndarray) -> np.ndarray:
        """The other way: flat, as the device has it."""
        if index == self.kernel and self.operator.type in _AXES:
            array = array.transpose(np.argsort(self._axes))
        return np.ascontiguousarray(array).reshape(-1)


@dataclass(frozen=True)
class _Stored:
    """How a parameter is stored: as numbers, or as integers in [-most, most] of one scale or one for each channel."""

    quantization: Quantization | None
    type: int
    most: int

    @classmethod
    def of(cls, plan: Plan, record: Any) -> "_Stored":
        """Of a parameter's record."""
        most = 127
        if record["kind"] == ParameterKind.BIAS:
            most = most_bias(int(plan.layers[int(record["layer"])]["terms"]))
        return cls(plan.quantization(record), int(record["type"]), most)

    def _scales(self, count: int) -> np.ndarray:
        assert self.quantization is not None
        scales, axis = self.quantization.scales, self.quantization.axis
        each = count // len(scales)
        return np.repeat(scales, each) if axis == 0 else np.tile(scales, each)  # the last axis else

    def numbers(self, stored: np.ndarray) -> np.ndarray:
        if self.quantization is None:
            return stored
        return (stored.astype(np.float32) * self._scales(stored.size)).astype(np.float32)

    def integers(self, numbers: np.ndarray) -> np.ndarray:
        """The nearest ones, symmetric about 0."""
        if self.quantization is None:
            return numbers
        units = numbers.astype(np.float64) / self._scales(numbers.size)
        return np.clip(np.rint(units), -self.most, self.most).astype(ScalarType(self.type).dtype)


class LayerWeights:
    """The trained layers of a model, in execution order.

    Parameters
    ----------
    model : TrainableModel
    """

    def __init__(self, model: TrainableModel) -> None:
        graph = model_reader.read_graph(flatbuffer.load(model.data, model.name), model.name)
        self.graph: Graph = graph
        self._model_name = model.name
        names = layer_names(graph)
        own = [names[i].split("/")[0] for i in parameter_operators(graph)]
        self.layers: list[TrainedLayer] = []
        self._stored = [_Stored.of(model.plan, record) for record in model.plan.parameters]
        self._names: dict[str, str] = {}
        for record in sorted(model.plan.layers, key=lambda layer: int(layer["operator"])):
            operator = graph.operators[int(record["operator"])]
            full = names[operator.index]
            short = full.split("/")[0]
            name = short if own.count(short) == 1 else full
            self._names |= {full: name, name: name}
            kernel, bias = (None if int(record[k]) == NONE_INDEX else int(record[k]) for k in ("weight", "bias"))
            spec = OPERATORS[operator.type]
            tensor, source = (operator.inputs[spec.position(argument)] for argument in ("w", "x"))
            shape, (channels,) = graph.tensors[tensor].shape, graph.tensors[source].shape[-1:] or (1,)
            self.layers.append(TrainedLayer(name, operator, tensor, kernel, bias, shape, channels))

    def read(self, values: Sequence[np.ndarray]) -> dict[str, list[np.ndarray]]:
        """By layer: kernel and bias, as far as they train; of quantised ones the numbers that they stand for.

        Parameters
        ----------
        values : sequence of ndarray
            Of all parameters, flat, as the device has them.
        """
        return {
            layer.name: [layer.to_keras(i, self._stored[i].numbers(values[i])) for i in layer.parameters]
            for layer in self.layers
        }

    def write(self, weights: Any, values: Sequence[np.ndarray]) -> list[np.ndarray]:
        """All parameters, flat, with new weights in their places.

        Parameters
        ----------
        weights : dict or sequence of array_like
            As ``read`` gives them, of all layers or some; or one array after the other, of all layers.
        values : sequence of ndarray
            The parameters as they are, flat.

        Raises
        ------
        UserError
            An unknown layer, another number of arrays, another shape, NaN or infinity.
        """
        shapes = {name: [array.shape for array in arrays] for name, arrays in self.read(values).items()}
        given = self._by_layer(weights, shapes)
        changed = list(values)
        for layer in self.layers:
            if layer.name not in given:
                continue
            arrays, expected = given[layer.name], shapes[layer.name]
            if len(arrays) != len(expected):
                raise UserError(
                    f"layer {layer.name} of {self._model_name} has {len(expected)} trained arrays of shapes "
                    f"{_listed(expected)}, not {len(arrays)}"
                )
            for index, array, shape in zip(layer.parameters, arrays, expected):
                try:
                    array = np.asarray(array)
                except ValueError:
                    raise UserError(f"the array for layer {layer.name} of {self._model_name} is ragged") from None
                if array.shape != shape or array.dtype.kind not in "iuf":
                    raise UserError(
                        f"layer {layer.name} of {self._model_name} has an array of shape {shape}, not "
                        f"{array.dtype} of shape {array.shape}"
                    )
                numbers = layer.from_keras(index, finite_float32(array, f"the array for layer {layer.name}"))
                changed[index] = self._stored[index].integers(numbers)
        return changed

    def _by_layer(self, weights: Any, shapes: dict[str, list[tuple[int, ...]]]) -> dict[str, list[Any]]:
        if isinstance(weights, Mapping):
            unknown = [name for name in weights if name not in self._names]
            if unknown:
                raise UserError(
                    f"{self._model_name} has no trained layer {unknown[0]!r}; there are {', '.join(shapes)}"
                )
            return {
                self._names[name]: _arrays(arrays, f"the weights of layer {name}") for name, arrays in weights.items()
            }
        arrays = _arrays(weights, "weights")
        expected = [shape for of_layer in shapes.values() for shape in of_layer]
        if len(arrays) != len(expected):
            raise UserError(
                f"{self._model_name} has {len(expected)} trained arrays of shapes {_listed(expected)}, not "
                f"{len(arrays)}"
            )
        following = iter(arrays)
        return {name: [next(following) for _ in of_layer] for name, of_layer in shapes.items()}


def _arrays(value: Any, name: str) -> list[Any]:
    try:
        return list(value)
    except TypeError:
        raise UserError(
            f"{name} must be a list of arrays, as get_weights and layer_weights give them, not {type(value).__name__}"
        ) from None


def _listed(shapes: list[tuple[int, ...]]) -> str:
    return ", ".join(str(shape) for shape in shapes)
