"""Trained weights back into the Keras model that was converted. Works on the object that is given: imports no Keras."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from .converters.keras_export import all_layers
from .errors import UserError
from .layer_weights import LayerWeights, TrainedLayer

SCALES = (0.0, 0.01, 0.1, 1.0)  # of the inputs that are compared: large ones can saturate the outputs
TOLERANCE = 1e-4  # of the outputs, relative to the largest


def write_to_keras(
    trained: LayerWeights,
    values: list[np.ndarray],
    model: Any,
    predict: Callable[[np.ndarray], np.ndarray],
    input_limit: int = 0,
) -> None:
    """Overwrite a Keras model's weights with the trained ones.

    Kernel and bias go into the layer of the same name. Batch normalisation that was folded into them is taken out
    again: the kernel is divided by its scale, and the ``beta`` behind the layer takes what the bias has learned.

    Parameters
    ----------
    trained : LayerWeights
    values : list of ndarray
        All parameters, flat.
    model : keras.Model
    predict : callable
        Outputs of the trained model for inputs [n, inputs].
    input_limit : int
        Inputs are indices below it; 0: any numbers.

    Raises
    ------
    UserError
        A layer without its like, one that was used several times, or a model whose outputs are not those of the
        trained one then; all weights are as they were.
    """
    if not (hasattr(model, "layers") and hasattr(model, "get_weights") and callable(model)):
        raise UserError(f"a Keras model is expected, not {type(model).__name__}")
    before = model.get_weights()
    try:
        _write(trained, values, model)
        _compare(model, predict, input_limit)
    except BaseException:
        model.set_weights(before)
        raise


def _write(trained: LayerWeights, values: list[np.ndarray], model: Any) -> None:
    layers = {layer.name: layer for layer in all_layers(model)}
    targets = [_target(trained, layer, layers) for layer in trained.layers]
    written: set[int] = set()
    for target, kernel in targets:
        if id(kernel) in written:
            raise UserError(
                f"layer {target.name} is used more than once in the Keras model, and its uses were trained apart: one "
                "layer cannot hold both"
            )
        written.add(id(kernel))
    for layer, (target, kernel) in zip(trained.layers, targets):
        _assign(layer, target, kernel, _normalisations(trained, layer, target, layers), values)


def _names(trained: LayerWeights, layer: TrainedLayer) -> Iterator[str]:
    """Words of the names that the file has for a layer: its weights' first, as its output is named after what follows
    where that was folded into it."""
    tensors = [layer.tensor, layer.operator.outputs[0]]
    for tensor in tensors:
        for path in trained.graph.tensors[tensor].name.split(";"):
            yield from path.split("/")


def _target(trained: LayerWeights, layer: TrainedLayer, layers: dict[str, Any]) -> tuple[Any, Any]:
    """The Keras layer and its kernel."""
    shape, holders = layer.keras_shape, []
    for name in _names(trained, layer):
        found = layers.get(name)
        if found is None or hasattr(found, "layers"):
            continue
        holders += [found] if found.weights else []
        kernels = [w for w in found.weights if len(w.shape) > 1 or layer.operator.type == "PRELU"]
        fitting = [w for w in kernels if _same(tuple(w.shape), shape)]
        if len(fitting) > 1:  # of a separable convolution
            depthwise = layer.operator.type == "DEPTHWISE_CONV_2D"
            fitting = [w for w in fitting if ("depthwise" in w.name) == depthwise]
        if fitting:
            return found, fitting[0]
    if any(layer.name.split("/")[0] == found.name for found in holders):
        raise UserError(
            f"layer {layer.name} was trained with a kernel of shape {shape}, and {type(holders[0]).__name__} "
            f"{holders[0].name} of the Keras model has none of that shape: its weights cannot be put back (the trained "
            ".tflite has them), or this is not the model that was converted"
        )
    raise UserError(
        f"the Keras model has no layer for {layer.name} with a kernel of shape {shape}: give the model that was "
        "converted"
    )


def _same(shape: tuple[int, ...], full: tuple[int, ...]) -> bool:
    """Equal but for ones in front, which one-dimensional convolutions do not have in Keras."""
    extra = len(full) - len(shape)
    return extra >= 0 and full[extra:] == shape and all(size == 1 for size in full[:extra])


def _bias_of(target: Any, layer: TrainedLayer) -> Any | None:
    separable = sum(len(w.shape) > 1 for w in target.weights) > 1
    if separable and layer.operator.type == "DEPTHWISE_CONV_2D":  # the bias is added behind the second convolution
        return None
    return getattr(target, "bias", None)


@dataclass(frozen=True)
class _Normalisation:
    """A batch normalisation, which computes scale (x - mean) + beta; without one, x itself."""

    layer: Any | None = None

    @property
    def scale(self) -> np.ndarray:
        if self.layer is None:
            return np.ones(1)
        scale = 1 / np.sqrt(_array(self.layer.moving_variance) + self.layer.epsilon)
        return scale if self.layer.gamma is None else scale * _array(self.layer.gamma)

    @property
    def mean(self) -> np.ndarray:
        return np.zeros(1) if self.layer is None else _array(self.layer.moving_mean)

    @property
    def beta(self) -> Any | None:
        return None if self.layer is None else self.layer.beta

    @property
    def offset(self) -> np.ndarray:
        """What it gives for zero."""
        return -self.scale * self.mean + (0.0 if self.beta is None else _array(self.beta))


def _normalisations(
    trained: LayerWeights, layer: TrainedLayer, target: Any, layers: dict[str, Any]
) -> tuple[_Normalisation, _Normalisation]:
    """Those in front of a layer and behind it that were folded into its weights: the file's names tell."""
    front = behind = _Normalisation()
    for name in _names(trained, layer):
        found = layers.get(name)
        if found is None or not hasattr(found, "moving_variance"):
            continue
        history = getattr(getattr(found, "input", None), "_keras_history", None)
        if target in (getattr(history, "operation", None), getattr(history, "layer", None)):
            behind = _Normalisation(found)
        elif layer.operator.type == "FULLY_CONNECTED":
            front = _Normalisation(found)
    return front, behind


def _assign(
    layer: TrainedLayer,
    target: Any,
    kernel: Any,
    normalisations: tuple[_Normalisation, _Normalisation],
    values: list[np.ndarray],
) -> None:
    """Kernel and bias of a layer; what its bias has learned goes into ``beta`` behind it if there is one.

    The file computes x k + b' with all folded in; Keras behind(front(x) k + b).
    """
    front, behind = normalisations
    for found in normalisations:
        if found.layer is not None and not (np.abs(found.scale) > np.finfo(np.float32).tiny).all():
            raise UserError(
                f"layer {target.name}: the batch normalisation {found.layer.name} scales by 0, so that trained weights "
                "have no place in the Keras model"
            )
    if layer.kernel is not None:
        array = layer.to_keras(layer.kernel, values[layer.kernel]).astype(np.float64)
        if layer.operator.type == "FULLY_CONNECTED":
            array /= front.scale[:, None]
        outputs: tuple[int, ...] = array.shape[-2:] if layer.operator.type == "DEPTHWISE_CONV_2D" else array.shape[-1:]
        if layer.operator.type == "TRANSPOSE_CONV":
            outputs = (array.shape[-2], 1)
        array /= np.broadcast_to(behind.scale, int(np.prod(outputs))).reshape(outputs)
        kernel.assign(array.reshape(tuple(kernel.shape)).astype(np.float32))
    if layer.bias is None:
        return
    learned = values[layer.bias].astype(np.float64)
    from_front = 0.0 if front.layer is None else front.offset @ _array(kernel)
    bias = _bias_of(target, layer)
    if behind.beta is not None:
        own = 0.0 if bias is None else _array(bias)
        behind.beta.assign((learned - behind.scale * (from_front + own - behind.mean)).astype(np.float32))
    elif bias is not None:
        bias.assign((learned / behind.scale + behind.mean - from_front).astype(np.float32))
    else:
        raise UserError(
            f"layer {target.name}: a bias was trained, but neither the layer nor a batch normalisation behind it has "
            "one in the Keras model"
        )


def _array(variable: Any) -> np.ndarray:
    return np.asarray(variable.numpy(), np.float64)


def _compare(model: Any, predict: Callable[[np.ndarray], np.ndarray], input_limit: int) -> None:
    shape = tuple(model.inputs[0].shape[1:])
    rng = np.random.default_rng(0)
    if input_limit:
        x = rng.integers(0, input_limit, (4 * len(SCALES), *shape)).astype(np.float32)
    else:
        x = np.concatenate([scale * rng.normal(size=(4, *shape)) for scale in SCALES]).astype(np.float32)
    expected = predict(x.reshape(len(x), -1)).reshape(len(x), -1)
    found = np.asarray(model(x, training=False), np.float32).reshape(len(x), -1)
    if found.shape != expected.shape:
        raise UserError(f"the Keras model has {found.shape[1]} outputs, the trained one {expected.shape[1]}")
    difference = float(np.abs(found - expected).max())
    if not difference <= TOLERANCE * max(1.0, float(np.abs(expected).max())):
        raise UserError(
            f"with the trained weights the Keras model's outputs differ from the trained model's by {difference:.3g}: "
            "it is not the model that was converted, or a layer was folded into one that trains (two dense layers "
            "without activation between them, for example); its weights are as they were"
        )
