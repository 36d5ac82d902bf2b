"""The reference workloads: networks and data."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..converters.install_hint import install_command
from ..converters.model_source import ModelSource
from ..converters.quantize import float_graph, quantize
from ..data import Dataset, load_npz
from ..errors import MissingToolError, UserError
from ..representative import representative_samples
from .network_file import NO_ACTIVATION, RELU, NetworkFile

CLASSES = 10
DIGITS_TEST = 800  # of scikit-learn's 1,797 samples; the others train
MNIST_TRAINING, MNIST_TEST = 5000, 2000  # the first ones of the file
CNN_SIZE = 28  # rows and columns
LARGE_SAMPLES = 10  # of the networks whose step takes long


@dataclass(frozen=True)
class Workload:
    """A network to train.

    Attributes
    ----------
    name : str
    network : bytes
        A ``.tflite`` file.
    data : Dataset
        With a test part, unless its accuracy means nothing.
    learning_rate : float
    """

    name: str
    network: bytes
    data: Dataset
    learning_rate: float


def mlp(seed: int, mnist: Path | None = None) -> Workload:
    """64-32-10 with ReLU and softmax on digits of 8 x 8."""
    network = NetworkFile((1, 64), seed)
    network.dense(32, RELU)
    network.dense(CLASSES)
    network.softmax()
    data = digits(seed)
    assert data.x_test is not None
    flat = Dataset(data.x.reshape(-1, 64), data.y, data.x_test.reshape(-1, 64), data.y_test)
    return Workload("mlp", network.finish(), flat, 0.02)


def cnn(seed: int, mnist: Path | None = None) -> Workload:
    """Two convolutions of 4 and 8 channels with max-pools and a dense layer, on digits of 28 x 28."""
    network = NetworkFile((1, CNN_SIZE, CNN_SIZE, 1), seed)
    for channels in (4, 8):
        network.conv(channels, 3)
        network.max_pool(2)
    network.flatten()
    network.dense(CLASSES)
    network.softmax()
    return Workload("cnn", network.finish(), scaled_digits(seed) if mnist is None else mnist_digits(mnist), 0.005)


def ds_cnn(seed: int, mnist: Path | None = None) -> Workload:
    """The shape of MLPerf Tiny's DS-CNN: a convolution, depthwise and pointwise blocks, average pool; noise."""
    network = NetworkFile((1, 49, 10, 1), seed)
    network.conv(64, (10, 4), stride=2)
    for _ in range(4):
        network.depthwise(3)
        network.conv(64, 1)
    network.average_pool()
    network.flatten()
    network.dense(12)
    network.softmax()
    return Workload("ds-cnn", network.finish(), noise((49, 10, 1), 12, seed), 0.001)


def resnet8(seed: int, mnist: Path | None = None) -> Workload:
    """The shape of MLPerf Tiny's ResNet8: three residual stages, average pool; noise."""
    network = NetworkFile((1, 32, 32, 3), seed)
    network.conv(16, 3)
    for channels, stride in ((16, 1), (32, 2), (64, 2)):
        begin = network.last
        network.conv(channels, 3, stride=stride)
        network.conv(channels, 3, NO_ACTIVATION)
        end, short = network.last, begin
        if stride != 1:
            network.go_on_from(begin)
            network.conv(channels, 1, NO_ACTIVATION, stride)
            short = network.last
            network.go_on_from(end)
        network.add(short)
    network.average_pool()
    network.flatten()
    network.dense(CLASSES)
    network.softmax()
    return Workload("resnet8", network.finish(), noise((32, 32, 3), CLASSES, seed), 0.001)


def _in_int8(build: Callable[[int, Path | None], Workload]) -> Callable[[int, Path | None], Workload]:
    """The same network, quantised by its training samples."""

    def quantised(seed: int, mnist: Path | None = None) -> Workload:
        made = build(seed, mnist)
        source = ModelSource(made.network, f"{made.name}-int8")
        source = quantize(source, representative_samples(float_graph(source), made.data.x))
        return Workload(source.name, source.data, made.data, made.learning_rate)

    return quantised


WORKLOADS: dict[str, Callable[[int, Path | None], Workload]] = {
    "mlp": mlp,
    "cnn": cnn,
    "mlp-int8": _in_int8(mlp),
    "cnn-int8": _in_int8(cnn),
    "ds-cnn": ds_cnn,
    "resnet8": resnet8,
    "ds-cnn-int8": _in_int8(ds_cnn),
    "resnet8-int8": _in_int8(resnet8),
}


def digits(seed: int) -> Dataset:
    """scikit-learn's digits from 0 to 1, float32 [n, 8, 8], split at random.

    Raises
    ------
    MissingToolError
        scikit-learn is not installed.
    """
    try:
        from sklearn import datasets
    except ImportError:
        raise MissingToolError("the workloads mlp and cnn need scikit-learn: " + install_command("demo")) from None
    images, labels = datasets.load_digits(return_X_y=True)
    order = np.random.Generator(np.random.PCG64(seed)).permutation(len(labels))
    x = (images[order] / 16.0).astype(np.float32).reshape(-1, 8, 8)
    y = labels[order].astype(np.int64)
    training = len(y) - DIGITS_TEST
    return Dataset(x[:training], y[:training], x[training:], y[training:])


def scaled_digits(seed: int) -> Dataset:
    """scikit-learn's digits, bilinearly scaled to 28 x 28."""
    small = digits(seed)
    assert small.x_test is not None
    return Dataset(scale_up(small.x, CNN_SIZE), small.y, scale_up(small.x_test, CNN_SIZE), small.y_test)


def scale_up(images: np.ndarray, size: int) -> np.ndarray:
    """Bilinear interpolation, the corner pixels kept.

    Parameters
    ----------
    images : ndarray, float32 [n, h, h]
    size : int
        Rows and columns of the result.
    """
    small = images.shape[1]
    position = np.arange(size) * (small - 1) / (size - 1)
    matrix = np.maximum(0.0, 1.0 - np.abs(position[:, None] - np.arange(small)))
    return np.einsum("ri,nij,cj->nrc", matrix, images, matrix, optimize=True).astype(np.float32)


def mnist_digits(path: Path) -> Dataset:
    """The first samples of an MNIST file, from 0 to 1.

    Parameters
    ----------
    path : Path
        An ``.npz`` with ``x_train``, ``y_train``, ``x_test``, ``y_test`` (the common form of MNIST) or with ``x``,
        ``y``, ``x_test``, ``y_test``; images of 28 x 28 from 0 to 255 or from 0 to 1.

    Raises
    ------
    UserError
        The file cannot be read or holds something else.
    """
    data = _common_mnist(path) or load_npz(path)
    if data.x_test is None or data.y_test is None:
        raise UserError(f"{path.name} has no x_test and y_test; give a file of MNIST")

    def images(x: np.ndarray, count: int) -> np.ndarray:
        if x[0].size != CNN_SIZE**2:
            raise UserError(f"{path.name} has images of shape {x.shape[1:]}, MNIST has 28 x 28")
        part = x[:count].astype(np.float32).reshape(-1, CNN_SIZE, CNN_SIZE)
        return part / np.float32(255.0 if np.max(part) > 1.0 else 1.0)

    return Dataset(
        images(data.x, MNIST_TRAINING),
        data.y[:MNIST_TRAINING].astype(np.int64),
        images(data.x_test, MNIST_TEST),
        data.y_test[:MNIST_TEST].astype(np.int64),
    )


def _common_mnist(path: Path) -> Dataset | None:
    names = ("x_train", "y_train", "x_test", "y_test")
    try:
        with np.load(path, allow_pickle=False) as archive:
            return Dataset(*(archive[name] for name in names)) if set(names) <= set(archive.files) else None
    except (OSError, ValueError, EOFError, AttributeError, zipfile.BadZipFile):
        return None  # load_npz says what is wrong


def noise(input_shape: tuple[int, ...], classes: int, seed: int) -> Dataset:
    """A few inputs from 0 to 1 and classes at random: for networks of which only the cost of a step is asked."""
    generator = np.random.Generator(np.random.PCG64(seed))
    x = generator.random((LARGE_SAMPLES, *input_shape)).astype(np.float32)
    return Dataset(x, generator.integers(0, classes, LARGE_SAMPLES))


def synthetic(input_shape: tuple[int, ...], outputs: int, samples: int, seed: int, limit: int = 0) -> Dataset:
    """Normal inputs (indices below ``limit`` if there is one) and classes at random, for a model whose data is not
    given."""
    generator = np.random.Generator(np.random.PCG64(seed))
    if limit:
        x = generator.integers(0, limit, (samples, *input_shape)).astype(np.float32)
    else:
        x = generator.standard_normal((samples, *input_shape)).astype(np.float32)
    if outputs == 1:
        return Dataset(x, generator.standard_normal((samples, 1)).astype(np.float32))
    return Dataset(x, generator.integers(0, outputs, samples))
