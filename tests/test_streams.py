"""A tf.data.Dataset, batched or not, trains as the arrays that it was made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt
from tflm_train.streams import as_arrays


class Dataset:
    """What this project asks of a ``tf.data.Dataset``."""

    element_spec = None

    def __init__(self, *elements: Any, size: int | None = None) -> None:
        self._elements, self._size = elements, len(elements) if size is None else size

    def cardinality(self) -> int:
        return self._size

    def as_numpy_iterator(self) -> Iterator[Any]:
        return iter(self._elements)


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(50, 4, 4, 1)).astype(np.float32), rng.integers(0, 3, 50)


@pytest.fixture(scope="module")
def model() -> tt.TrainableModel:
    b = ModelBuilder()
    x = b.reshape(b.input(1, 4, 4, 1), 1, 16)
    y = b.dense(x, np.random.default_rng(1).normal(size=(3, 16)), np.zeros(3))
    return tt.convert(b.finish(b.op("SOFTMAX", [y], (1, 3), beta=1.0)))


@pytest.mark.parametrize("batch", [None, 1, 8, 50])
def test_fit_evaluate_and_predict_take_datasets(model: tt.TrainableModel, images: tuple, batch: int | None) -> None:
    tf = pytest.importorskip("tensorflow")
    dataset = tf.data.Dataset.from_tensor_slices(images)
    if batch is not None:
        dataset = dataset.batch(batch)
    expected, trainer = tt.Trainer(model), tt.Trainer(model)
    history = trainer.fit(dataset, epochs=2, validation_data=dataset, verbose=0)
    assert history.history == expected.fit(*images, epochs=2, validation_data=images, verbose=0).history
    assert trainer.evaluate(dataset) == expected.evaluate(*images)
    outputs = expected.predict(images[0])
    for samples in (dataset, dataset.map(lambda x, y: x)):
        np.testing.assert_array_equal(trainer.predict(samples), outputs)


def whole(*shape: int) -> np.ndarray:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape)


@pytest.mark.parametrize(
    ("shape", "element", "samples"),
    [
        ((4, 4, 1), (4, 4, 1), 1),
        ((4, 4, 1), (4, 4), 1),
        ((4, 4, 1), (7, 4, 4), 7),
        ((4, 4, 1), (1, 4, 4), 1),
        ((4, 4, 1), (7, 16), 7),
        ((4, 4, 1), (16,), 1),
        ((1,), (), 1),
        ((1,), (5,), 5),
        ((1,), (5, 1), 5),
        ((3, 3), (3, 3), 1),
        ((3, 3), (3, 3, 3), 3),
    ],
)
def test_batches_are_told_from_samples(shape: tuple, element: tuple, samples: int) -> None:
    labels = whole(samples) if samples > 1 or len(element) > len(shape) else np.int64(0)
    x, y, _ = as_arrays(Dataset((whole(*element), labels), (whole(*element), labels)), None, shape)
    assert len(x) == len(y) == 2 * samples


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        (Dataset(), "without elements"),
        (Dataset((whole(4), np.int64(1)), size=-1), "repeats forever; leave out repeat"),
        (Dataset({"image": whole(4)}), r"a dataset of \(dict\)"),
        (Dataset((whole(4), {"a": whole(1)})), r"a dataset of \(ndarray, dict\)"),
        (Dataset((whole(4), np.int64(0)), (whole(5), np.int64(0))), "differ in shape"),
        (Dataset(whole(2, 4)), "y is missing"),
    ],
)
def test_other_datasets_are_refused(dataset: Dataset, message: str) -> None:
    b = ModelBuilder()
    trainer = tt.Trainer(tt.convert(b.finish(b.dense(b.input(1, 4), np.ones((2, 4)), None))))
    for call in (trainer.fit, trainer.evaluate):
        with pytest.raises(tt.UserError, match=message):
            call(dataset)


def test_labels_are_given_once(model: tt.TrainableModel, images: tuple) -> None:
    with pytest.raises(tt.UserError, match="which brings its labels: leave y out"):
        tt.Trainer(model).fit(Dataset(images), images[1])
    with pytest.raises(tt.UserError, match="y is missing: give labels"):
        tt.Trainer(model).fit(images[0])


def test_a_dataset_may_bring_weights(model: tt.TrainableModel, images: tuple) -> None:
    x, y = images
    weights = np.arange(len(x)) % 3 / 2
    of_dataset, of_arrays = tt.Trainer(model), tt.Trainer(model)
    dataset = Dataset((x, y, weights))
    history = of_dataset.fit(dataset, epochs=2, validation_data=dataset)
    expected = of_arrays.fit(x, y, epochs=2, sample_weight=weights, validation_data=(x, y, weights))
    assert history.history == expected.history
    assert of_dataset.trained_model().data == of_arrays.trained_model().data
    assert of_dataset.evaluate(dataset) == of_arrays.evaluate(x, y, weights)
    for twice in ({"sample_weight": weights}, {"class_weight": {0: 2}}):
        with pytest.raises(tt.UserError, match="leave sample_weight out|not both"):
            of_dataset.fit(dataset, **twice)
