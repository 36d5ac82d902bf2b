"""Small Keras models, built and exported once per test session.

Weights are seeded, so that a model is the same on every run. ``BIASES`` says how biases start: the exporter drops
zero biases and stores equal constants once, which conversion has to undo.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import stock_runtimes
from tflm_train.converters.keras_export import export_keras

BIASES = ("random", "zero", "equal")


def _layers() -> Any:
    import keras

    return keras.layers


def _sequential(name: str, shape: tuple[int, ...], *layers: Any) -> Any:
    import keras

    return keras.Sequential([keras.Input(shape), *layers], name=name)


def mlp() -> Any:
    """16-12-12-4, ReLU, softmax."""
    layers = _layers()
    return _sequential(
        "mlp",
        (16,),
        layers.Dense(12, activation="relu", name="hidden_1"),
        layers.Dense(12, activation="relu", name="hidden_2"),
        layers.Dense(4, activation="softmax", name="scores"),
    )


def cnn() -> Any:
    """conv4 - pool - conv8 - pool - dense on 12x12x1."""
    layers = _layers()
    return _sequential(
        "cnn",
        (12, 12, 1),
        layers.Conv2D(4, 3, padding="same", activation="relu", name="conv_1"),
        layers.MaxPooling2D(name="pool_1"),
        layers.Conv2D(8, 3, padding="same", activation="relu", name="conv_2"),
        layers.MaxPooling2D(name="pool_2"),
        layers.Flatten(name="flatten"),
        layers.Dense(5, activation="softmax", name="scores"),
    )


def ds_cnn() -> Any:
    """Like MLPerf Tiny's keyword net: convolution, two depthwise separable blocks, average pool, dense."""
    layers = _layers()
    blocks = []
    for i in (1, 2):
        blocks += [
            layers.DepthwiseConv2D(3, padding="same", name=f"depthwise_{i}"),
            layers.BatchNormalization(name=f"depthwise_norm_{i}"),
            layers.ReLU(name=f"depthwise_relu_{i}"),
            layers.Conv2D(8, 1, name=f"pointwise_{i}"),
            layers.BatchNormalization(name=f"pointwise_norm_{i}"),
            layers.ReLU(name=f"pointwise_relu_{i}"),
        ]
    return _sequential(
        "ds_cnn",
        (13, 10, 1),
        layers.Conv2D(8, (5, 4), strides=2, padding="same", name="first"),
        layers.BatchNormalization(name="first_norm"),
        layers.ReLU(name="first_relu"),
        *blocks,
        layers.AveragePooling2D((7, 5), name="pool"),
        layers.Flatten(name="flatten"),
        layers.Dense(6, activation="softmax", name="scores"),
    )


def resnet() -> Any:
    """Like MLPerf Tiny's ResNet8: two residual stages, the second with stride 2 and a 1x1 shortcut."""
    import keras

    layers = _layers()
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 3, padding="same", name="first")(inputs)
    x = layers.BatchNormalization(name="first_norm")(x)
    x = layers.ReLU(name="first_relu")(x)
    for stage, (width, stride) in enumerate(((6, 1), (10, 2)), 1):
        y = layers.Conv2D(width, 3, strides=stride, padding="same", name=f"stage_{stage}_a")(x)
        y = layers.BatchNormalization(name=f"stage_{stage}_a_norm")(y)
        y = layers.ReLU(name=f"stage_{stage}_a_relu")(y)
        y = layers.Conv2D(width, 3, padding="same", name=f"stage_{stage}_b")(y)
        y = layers.BatchNormalization(name=f"stage_{stage}_b_norm")(y)
        if stride != 1:
            x = layers.Conv2D(width, 1, strides=stride, padding="same", name=f"stage_{stage}_short")(x)
        x = layers.Add(name=f"stage_{stage}_add")([x, y])
        x = layers.ReLU(name=f"stage_{stage}_relu")(x)
    x = layers.AveragePooling2D(6, name="pool")(x)
    x = layers.Flatten(name="flatten")(x)
    return keras.Model(inputs, layers.Dense(5, activation="softmax", name="scores")(x), name="resnet")


def mobilenet() -> Any:
    """MobileNetV2's blocks: expand, depthwise (stride 1 and add, stride 2 after padding), project; RELU6; mean."""
    import keras

    layers = _layers()
    inputs = keras.Input((12, 12, 3))
    x = layers.Conv2D(6, 3, strides=2, padding="same", use_bias=False, name="first")(inputs)
    x = layers.BatchNormalization(name="first_norm")(x)
    x = layers.ReLU(6.0, name="first_relu")(x)
    for block, stride in enumerate((1, 2), 1):
        y = layers.Conv2D(12, 1, use_bias=False, name=f"expand_{block}")(x)
        y = layers.BatchNormalization(name=f"expand_norm_{block}")(y)
        y = layers.ReLU(6.0, name=f"expand_relu_{block}")(y)
        if stride == 2:
            y = layers.ZeroPadding2D(((0, 1), (0, 1)), name=f"pad_{block}")(y)
        padding = "same" if stride == 1 else "valid"
        y = layers.DepthwiseConv2D(3, strides=stride, padding=padding, use_bias=False, name=f"depthwise_{block}")(y)
        y = layers.BatchNormalization(name=f"depthwise_norm_{block}")(y)
        y = layers.ReLU(6.0, name=f"depthwise_relu_{block}")(y)
        y = layers.Conv2D(6, 1, use_bias=False, name=f"project_{block}")(y)
        y = layers.BatchNormalization(name=f"project_norm_{block}")(y)
        x = layers.Add(name=f"add_{block}")([x, y]) if stride == 1 else y
    x = layers.GlobalAveragePooling2D(name="mean")(x)
    return keras.Model(inputs, layers.Dense(4, name="scores")(x), name="mobilenet")


def conv1d() -> Any:
    """Conv1D in the forms that Keras has: plain, strided, dilated, causal, separable; pool and global mean."""
    layers = _layers()
    return _sequential(
        "conv1d",
        (24, 3),
        layers.Conv1D(4, 3, padding="same", activation="relu", name="plain"),
        layers.Conv1D(4, 3, dilation_rate=2, padding="same", activation="relu", name="dilated"),
        layers.Conv1D(6, 3, dilation_rate=2, padding="causal", name="causal"),
        layers.MaxPooling1D(2, name="pool"),
        layers.Conv1D(6, 3, strides=2, name="strided"),
        layers.SeparableConv1D(5, 3, padding="same", activation="relu", name="separable"),
        layers.GlobalAveragePooling1D(name="mean"),
        layers.Dense(3, activation="softmax", name="scores"),
    )


BUILDERS: dict[str, Callable[[], Any]] = {
    builder.__name__: builder for builder in (mlp, cnn, ds_cnn, resnet, mobilenet, conv1d)
}


def set_weights(model: Any, biases: str = "random", seed: int = 0) -> Any:
    """Seeded weights: kernels scaled to their fan-in, batch normalisation near identity, biases as ``BIASES`` says."""
    rng = np.random.default_rng(seed)
    for variable in model.weights:
        kind, shape = variable.path.split("/")[-1], tuple(variable.shape)
        if kind in ("bias", "beta", "moving_mean"):
            value = {"random": 0.1 * rng.normal(size=shape), "zero": np.zeros(shape), "equal": np.full(shape, 0.125)}[
                biases
            ]
        elif kind in ("gamma", "moving_variance"):
            value = rng.uniform(0.8, 1.2, shape) if biases == "random" else np.ones(shape)
        else:
            value = rng.normal(size=shape) * np.sqrt(2 / max(1, np.prod(shape[:-1])))
        variable.assign(value.astype(np.float32))
    return model


@functools.cache
def keras_model(name: str, biases: str = "random") -> Any:
    """A model of ``BUILDERS``; do not change it."""
    return set_weights(BUILDERS[name](), biases)


def to_tflite(model: Any) -> bytes:
    """The file that conversion of a Keras model starts from."""
    return export_keras(model)[0]


@functools.cache
def tflite(name: str, biases: str = "random") -> bytes:
    """A model of ``BUILDERS`` as ``.tflite``."""
    return to_tflite(keras_model(name, biases))


def inputs(name: str, count: int = 4, seed: int = 1) -> np.ndarray:
    """Samples for a model, float32 [count, ...]."""
    shape = keras_model(name).input_shape[1:]
    return np.random.default_rng(seed).normal(size=(count, *shape)).astype(np.float32)


def _tf_lite_outputs(data: bytes, x: np.ndarray) -> np.ndarray:
    """In this process: building the models has imported TensorFlow anyway."""
    import tensorflow as tf

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that it is deprecated is known
        interpreter = tf.lite.Interpreter(model_content=data)
    interpreter.allocate_tensors()
    results = []
    for sample in x:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], sample[None])
        interpreter.invoke()
        results.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel())
    return np.stack(results)


def outputs(runtime: str, data: bytes, x: np.ndarray) -> np.ndarray:
    """Outputs [n, outputs] of a stock runtime (``stock_runtimes.RUNTIMES``)."""
    return _tf_lite_outputs(data, x) if runtime == "tf.lite" else stock_runtimes.run(runtime, data, x)


@functools.cache
def _original_outputs(runtime: str, name: str, biases: str) -> np.ndarray:
    return outputs(runtime, tflite(name, biases), inputs(name))


def changed_outputs(runtime: str, name: str, biases: str, data: bytes) -> int:
    """How many outputs of ``data`` differ in a bit from those of ``tflite(name, biases)``."""
    before, after = _original_outputs(runtime, name, biases), outputs(runtime, data, inputs(name))
    assert before.shape == after.shape and before.dtype == after.dtype == np.float32
    assert np.isfinite(before).all() and before.std() > 0
    return int((before.view(np.uint32) != after.view(np.uint32)).sum())
