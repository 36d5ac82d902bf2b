"""Trained weights by layer name and shape, without Keras."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt


@pytest.fixture
def trainer(mlp_model: tt.TrainableModel) -> tt.Trainer:
    return tt.Trainer(mlp_model)


def test_kernels_have_keras_shapes() -> None:
    b, rng = ModelBuilder(), np.random.default_rng(0)
    kernels = rng.normal(size=(3, 2, 3, 2)), rng.normal(size=(1, 2, 2, 6))
    x = b.conv(b.input(1, 6, 5, 2), kernels[0], rng.normal(size=3))
    x = b.flatten(b.conv(x, kernels[1], rng.normal(size=6), multiplier=2))
    dense = rng.normal(size=(4, 6 * 5 * 6))
    model = tt.convert(b.finish(b.dense(x, dense, None)), tt.TrainingConfig(loss="mse"))
    arrays = list(tt.Trainer(model).layer_weights().values())
    assert [[a.shape for a in layer] for layer in arrays] == [
        [(2, 3, 2, 3), (3,)],
        [(2, 2, 3, 2), (6,)],
        [(dense.shape[1], 4)],
    ]
    np.testing.assert_array_equal(arrays[0][0], kernels[0].transpose(1, 2, 3, 0).astype(np.float32))
    np.testing.assert_array_equal(arrays[1][0].reshape(2, 2, 6), kernels[1][0].astype(np.float32))
    np.testing.assert_array_equal(arrays[2][0], dense.T.astype(np.float32))


def test_kernels_tables_and_slopes_of_other_operators_have_keras_shapes() -> None:
    """As Keras' Conv2DTranspose, PReLU and Embedding have them."""
    b, rng = ModelBuilder(), np.random.default_rng(0)
    kernel, slopes = rng.normal(size=(3, 2, 4, 5)), rng.normal(size=(1, 1, 3))
    inputs = [b.constant(np.array([1, 6, 8, 3], np.int32)), b.constant(kernel), b.input(1, 3, 2, 5)]
    x = b.op("TRANSPOSE_CONV", [*inputs, b.constant(rng.normal(size=3))], (1, 6, 8, 3), strideH=2, strideW=4)
    x = b.reshape(b.op("PRELU", [x, b.constant(slopes)], (1, 6, 8, 3)), 1, 144)
    model = tt.convert(b.finish(b.dense(x, rng.normal(size=(2, 144)), None)), tt.TrainingConfig(loss="mse"))
    trainer = tt.Trainer(model)
    transposed, prelu, _ = trainer.layer_weights().values()
    assert [a.shape for a in transposed] == [(2, 4, 3, 5), (3,)]
    np.testing.assert_array_equal(transposed[0], kernel.transpose(1, 2, 0, 3).astype(np.float32))
    np.testing.assert_array_equal(prelu[0], slopes.astype(np.float32))
    b = ModelBuilder()
    table = rng.normal(size=(20, 4))
    x = b.op("GATHER", [b.constant(table), b.input(1, 5, dtype="int32")], (1, 5, 4))
    x = b.dense(b.reshape(x, 1, 20), rng.normal(size=(2, 20)), None)
    lookup = tt.Trainer(tt.convert(b.finish(x), tt.TrainingConfig(loss="mse")))
    np.testing.assert_array_equal(next(iter(lookup.layer_weights().values()))[0], table.astype(np.float32))
    for each in (trainer, lookup):
        changed = [array + np.float32(1) for array in each.get_weights()]
        each.set_weights(changed)
        for found, expected in zip(each.get_weights(), changed, strict=True):
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("network", [networks.mlp, networks.cnn, networks.separable, networks.inverted_residual])
def test_what_is_read_can_be_written(network: Any) -> None:
    data = network()
    model = tt.convert(data)
    x, y = networks.samples(data, 6)
    trained, other = tt.Trainer(model), tt.Trainer(model)
    trained.fit(x, y)
    assert not np.array_equal(other.predict(x), trained.predict(x))
    for weights in (trained.get_weights(), trained.layer_weights()):
        other.reset()
        other.set_weights(weights)
        assert other.trained_model().data == trained.trained_model().data


def test_copies_are_given(trainer: tt.Trainer) -> None:
    before = trainer.trained_model().data
    for array in trainer.get_weights():
        array[...] = 0
    assert trainer.trained_model().data == before


def test_some_layers_by_name(trainer: tt.Trainer) -> None:
    weights = trainer.layer_weights()
    first, last = weights
    trainer.set_weights({last: [2 * array for array in weights[last]]})
    found = trainer.layer_weights()
    for name, factor in ((first, 1), (last, 2)):
        for before, after in zip(weights[name], found[name]):
            np.testing.assert_array_equal(after, factor * before)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda w: list(w.values())[0], "has 4 trained arrays of shapes"),
        (lambda w: {"hidden": []}, "no trained layer 'hidden'; there are"),
        (lambda w: {next(iter(w)): []}, "has 2 trained arrays"),
        (lambda w: {name: [a.T for a in arrays] for name, arrays in w.items()}, r"an array of shape \(64, 32\), not"),
        (lambda w: {name: [a * np.nan for a in arrays] for name, arrays in w.items()}, "NaN or infinite"),
        (lambda w: None, "weights must be a list of arrays.*not NoneType"),
        (lambda w: {next(iter(w)): 3}, "must be a list of arrays.*not int"),
        (lambda w: [[[1], [2, 3]], *list(w.values())[0], 0], "ragged"),
        (lambda w: {name: [a.astype(str) for a in arrays] for name, arrays in w.items()}, "not <U"),
    ],
)
def test_other_weights_are_refused_and_change_nothing(trainer: tt.Trainer, change: Any, words: str) -> None:
    before = trainer.trained_model().data
    with pytest.raises(tt.UserError, match=words):
        trainer.set_weights(change(trainer.layer_weights()))
    assert trainer.trained_model().data == before
