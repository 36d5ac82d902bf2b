"""Networks built operator by operator, with random weights."""

from __future__ import annotations

import numpy as np
from tflite_builder import ModelBuilder


def _he(rng: np.random.Generator, *shape: int, fan_in: int | None = None) -> np.ndarray:
    return rng.normal(size=shape) * np.sqrt(2.0 / (fan_in or np.prod(shape[1:])))


def _head(b: ModelBuilder, rng: np.random.Generator, x: int, classes: int) -> bytes:
    shape = tuple(b.graph.tensors[x].shape.tolist())
    features = int(np.prod(shape))
    flat = b.reshape(x, 1, features) if len(shape) > 2 else x
    y = b.dense(flat, _he(rng, classes, features), np.zeros(classes))
    return b.finish(b.op("SOFTMAX", [y], (1, classes), beta=1.0))


def mlp(seed: int = 0, sizes: tuple[int, ...] = (64, 32, 10)) -> bytes:
    """Fully connected, ReLU between, softmax at the end."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.input(1, sizes[0])
    for n_in, n_out in zip(sizes, sizes[1:-1]):
        x = b.dense(x, _he(rng, n_out, n_in), rng.normal(size=n_out) * 0.1, "RELU")
    return _head(b, rng, x, sizes[-1])


def cnn(seed: int = 0, size: int = 12) -> bytes:
    """Two convolutions with max-pools, dense end."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.conv(b.input(1, size, size, 1), _he(rng, 4, 3, 3, 1), np.zeros(4), activation="RELU")
    x = b.pool("MAX", x, (2, 2), (2, 2))
    x = b.conv(x, _he(rng, 8, 3, 3, 4), rng.normal(size=8) * 0.1, activation="RELU")
    return _head(b, rng, b.pool("MAX", x, (2, 2), (2, 2)), 10)


def residual(seed: int = 0, size: int = 32, widths: tuple[int, ...] = (16, 32, 64)) -> bytes:
    """The shape of MLPerf Tiny's ResNet8: three residual stages, average pool, dense end."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    channels = widths[0]
    x = b.conv(
        b.input(1, size, size, 3), _he(rng, channels, 3, 3, 3), rng.normal(size=channels) * 0.1, activation="RELU"
    )
    for stage, width in enumerate(widths):
        stride = (1, 1) if stage == 0 else (2, 2)
        y = b.conv(x, _he(rng, width, 3, 3, channels), rng.normal(size=width) * 0.1, stride, activation="RELU")
        y = b.conv(y, _he(rng, width, 3, 3, width) * 0.3, rng.normal(size=width) * 0.1)
        short = x if stage == 0 else b.conv(x, _he(rng, width, 1, 1, channels), rng.normal(size=width) * 0.1, stride)
        shape = tuple(b.graph.tensors[y].shape.tolist())
        x = b.op("ADD", [short, y], shape, fusedActivationFunction=1)
        channels = width
    side = b.graph.tensors[x].shape[1]
    return _head(b, rng, b.pool("AVERAGE", x, (side, side), (side, side)), 10)


def separable(seed: int = 0, size: tuple[int, int] = (49, 10), width: int = 64, blocks: int = 4) -> bytes:
    """The shape of MLPerf Tiny's DS-CNN: one convolution, depthwise and pointwise blocks, average pool, dense end."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.conv(b.input(1, *size, 1), _he(rng, width, 10, 4, 1), rng.normal(size=width) * 0.1, (2, 2), activation="RELU")
    for _ in range(blocks):
        x = b.conv(x, _he(rng, 1, 3, 3, width, fan_in=9), rng.normal(size=width) * 0.1, activation="RELU", multiplier=1)
        x = b.conv(x, _he(rng, width, 1, 1, width), rng.normal(size=width) * 0.1, activation="RELU")
    window = int(b.graph.tensors[x].shape[1]), int(b.graph.tensors[x].shape[2])
    return _head(b, rng, b.pool("AVERAGE", x, window, window), 12)


def inverted_residual(seed: int = 0) -> bytes:
    """MobileNetV2's blocks: expand, depthwise, project, add; RELU6, global mean."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.conv(b.input(1, 16, 16, 3), _he(rng, 8, 3, 3, 3), rng.normal(size=8) * 0.1, (2, 2), activation="RELU6")
    for stride in ((1, 1), (2, 2)):
        channels = int(b.graph.tensors[x].shape[3])
        y = b.conv(x, _he(rng, 24, 1, 1, channels), rng.normal(size=24) * 0.1, activation="RELU6")
        y = b.conv(
            y, _he(rng, 1, 3, 3, 24, fan_in=9), rng.normal(size=24) * 0.1, stride, activation="RELU6", multiplier=1
        )
        y = b.conv(y, _he(rng, 8, 1, 1, 24), rng.normal(size=8) * 0.1)
        x = b.op("ADD", [x, y], tuple(b.graph.tensors[y].shape.tolist())) if stride == (1, 1) else y
    mean = b.op("MEAN", [x, b.constant(np.array([1, 2], np.int32))], (1, 8))
    return _head(b, rng, mean, 5)


ALL = {"mlp": mlp, "cnn": cnn, "residual": residual, "separable": separable, "inverted_residual": inverted_residual}


def samples(data: bytes, count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Clustered random inputs [count, inputs] and their classes, so that there is something to learn."""
    from tflm_train.converters import flatbuffer, model_reader

    graph = model_reader.read_graph(flatbuffer.load(data, "test"), "test")
    classes = graph.tensors[graph.outputs[0]].shape[-1]
    shape = graph.tensors[graph.inputs[0]].shape
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, count).astype(np.int32)
    centres = rng.normal(size=(classes, *shape[1:]))
    return (0.5 * centres[labels] + 0.7 * rng.normal(size=(count, *shape[1:]))).astype(np.float32), labels
