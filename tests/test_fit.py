"""What ``fit`` takes besides samples: weights, batches, a part to validate with; the same as Keras makes of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt

RATE = 0.05


@pytest.fixture(scope="module")
def model() -> tt.TrainableModel:
    """64-32-10 with memory for gradients."""
    return tt.convert(networks.mlp(), tt.TrainingConfig(accumulate=4, learning_rate=0.02))


def weights(trainer: tt.Trainer) -> bytes:
    return b"".join(values.tobytes() for _, values in trainer.device.parameters())


def linear() -> tt.TrainableModel:
    """One layer, squared error."""
    b, rng = ModelBuilder(), np.random.default_rng(1)
    data = b.finish(b.dense(b.input(1, 4), rng.normal(size=(3, 4)) / 2, np.zeros(3)))
    return tt.convert(data, tt.TrainingConfig(loss="mse", learning_rate=RATE))


# Keras itself


@pytest.fixture(scope="module")
def keras() -> Any:
    return pytest.importorskip("keras", reason="needs TensorFlow")


def small_keras(keras: Any) -> Any:
    keras.utils.set_random_seed(3)
    layers = keras.layers
    return keras.Sequential(
        [keras.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(4, activation="softmax")]
    )


@pytest.mark.parametrize(
    "arguments",
    [
        dict(batch_size=1),
        dict(batch_size=8),
        dict(batch_size=7, validation_split=0.23),
        dict(batch_size=1, class_weight={0: 3.0, 2: 0.25, 3: 0.0}, validation_split=0.5),
        dict(batch_size=8, class_weight={0: 3, 1: 0}),
        dict(batch_size=1, sample_weight="random"),
        dict(batch_size=5, sample_weight="random", validation_split=0.3),
        dict(batch_size=8, sample_weight="random", validation_data="weighted"),
        dict(batch_size=8, class_weight={1: 2.0}, validation_data="plain", validation_split=0.5),
    ],
    ids=str,
)
def test_history_and_weights_are_those_of_keras(keras: Any, arguments: dict[str, Any]) -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(size=(61, 8)).astype(np.float32), rng.integers(0, 4, 61)
    chosen = dict(arguments)
    if chosen.get("sample_weight") == "random":
        chosen["sample_weight"] = rng.integers(0, 4, 61) / 2
    held_out = rng.normal(size=(20, 8)).astype(np.float32), rng.integers(0, 4, 20), rng.uniform(size=20)
    if "validation_data" in chosen:
        chosen["validation_data"] = held_out if chosen["validation_data"] == "weighted" else held_out[:2]
    reference = small_keras(keras)
    trainer = tt.Trainer(tt.convert(reference, tt.TrainingConfig(accumulate=2, learning_rate=RATE)))
    reference.compile(keras.optimizers.SGD(RATE), "sparse_categorical_crossentropy", metrics=["accuracy"])
    common = dict(epochs=3, shuffle=False, verbose=0, **chosen)
    expected = reference.fit(x, y, **common).history
    found = trainer.fit(x, y, **common).history
    assert sorted(found) == sorted(expected)
    for name, series in expected.items():
        np.testing.assert_allclose(found[name], series, rtol=2e-5, err_msg=name)
    np.testing.assert_allclose(trainer.predict(x), reference.predict(x, verbose=0), atol=1e-5)


@pytest.mark.parametrize("monitor", ["val_loss", "val_accuracy"])
def test_early_stopping_of_keras_stops_and_restores(
    keras: Any, model: tt.TrainableModel, blobs: tuple, monitor: str
) -> None:
    x, y = blobs
    trainer, kept = tt.Trainer(model), []
    stopping = keras.callbacks.EarlyStopping(monitor=monitor, patience=2, restore_best_weights=True)
    history = trainer.fit(
        x[:60],
        y[:60],
        epochs=40,
        validation_data=(x[60:], (y[60:] + 1) % 10),
        learning_rate=0.1,
        callbacks=[stopping, lambda epoch, logs: kept.append(weights(trainer))],
    )
    series = history.history[monitor]
    best = int(np.argmin(series) if monitor == "val_loss" else np.argmax(series))
    assert len(series) == best + 3 < 40 and history.stopped is None
    assert weights(trainer) == kept[best]


def test_learning_rate_callbacks_of_keras(keras: Any, model: tt.TrainableModel, blobs: tuple) -> None:
    scheduled, by_hand = tt.Trainer(model), tt.Trainer(model)
    rates = [0.02, 0.01, 0.005]
    scheduled.fit(
        *blobs,
        epochs=3,
        shuffle=False,
        callbacks=keras.callbacks.LearningRateScheduler(lambda epoch, rate: rates[epoch]),
    )
    for rate in rates:
        by_hand.set_options(learning_rate=rate)
        by_hand.fit(*blobs, shuffle=False)
    assert weights(scheduled) == weights(by_hand)
    assert scheduled.optimizer.learning_rate == pytest.approx(0.005)


def test_callbacks_of_keras_models_are_refused(
    keras: Any, model: tt.TrainableModel, blobs: tuple, tmp_path: Path
) -> None:
    with pytest.raises(tt.UserError, match=r"callbacks\[0\]: ModelCheckpoint writes Keras' files"):
        tt.Trainer(model).fit(*blobs, callbacks=[keras.callbacks.ModelCheckpoint("m.keras")])
    with pytest.raises(tt.UserError, match=r"callbacks\[0\]: TensorBoard reads a Keras model; take .*CSVLogger"):
        tt.Trainer(model).fit(*blobs, callbacks=[keras.callbacks.TensorBoard("logs")])
    tt.Trainer(model).fit(*blobs, callbacks=[keras.callbacks.CSVLogger(str(tmp_path / "log.csv"))])
    assert (tmp_path / "log.csv").read_text().startswith("epoch,accuracy,loss")


# weights


@pytest.mark.parametrize("accumulate", [1, 4])
def test_class_weight_equals_sample_weight(model: tt.TrainableModel, blobs: tuple, accumulate: int) -> None:
    x, y = blobs
    by_class = {0: 2.5, 3: 0.0, np.int64(7): 0.1, 9.0: 1}
    table = np.ones(10)
    table[[0, 3, 7, 9]] = 2.5, 0.0, 0.1, 1
    first, second, third = (tt.Trainer(model) for _ in range(3))
    history = first.fit(x, y, epochs=2, batch_size=accumulate, class_weight=by_class)
    assert history.history == second.fit(x, y, epochs=2, batch_size=accumulate, sample_weight=table[y]).history
    third.fit(x, np.eye(10)[y], epochs=2, batch_size=accumulate, class_weight=by_class)
    assert weights(first) == weights(second) == weights(third)


def test_weights_of_one_change_no_bit(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    plain, ones, classes = (tt.Trainer(model) for _ in range(3))
    history = plain.fit(x, y, epochs=2)
    assert history.history == ones.fit(x, y, epochs=2, sample_weight=np.ones(len(x))).history
    assert history.history == classes.fit(x, y, epochs=2, class_weight={3: 1}).history
    assert weights(plain) == weights(ones) == weights(classes)


def test_weight_two_is_twice_the_rate_and_weight_zero_leaves_out() -> None:
    rng, model = np.random.default_rng(2), linear()
    x, y = rng.normal(size=(40, 4)), rng.normal(size=(40, 3))
    double, faster, fewer, zeros = (tt.Trainer(model) for _ in range(4))
    double.fit(x, y, epochs=3, sample_weight=np.full(40, 2))
    faster.fit(x, y, epochs=3, learning_rate=2 * RATE)
    assert weights(double) == weights(faster)
    chosen = rng.random(40) < 0.5
    history = zeros.fit(x, y, epochs=3, sample_weight=chosen, shuffle=False)
    assert (history.steps, history.skipped) == (120, 3 * (~chosen).sum())
    assert fewer.fit(x[chosen], y[chosen], epochs=3, shuffle=False).skipped == 0
    assert weights(zeros) == weights(fewer)


def test_evaluate_takes_weights(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    trainer = tt.Trainer(model)
    chosen = np.arange(len(x)) < 30
    part, whole = trainer.evaluate(x[:30], y[:30]), trainer.evaluate(x, y, sample_weight=chosen)
    assert whole["loss"] == pytest.approx(part["loss"] * 30 / len(x))
    assert whole["accuracy"] == trainer.evaluate(x, y)["accuracy"]


def test_float_class_numbers_train_like_integers(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    floats, integers = tt.Trainer(model), tt.Trainer(model)
    assert floats.fit(x, y.astype(float), epochs=2).history == integers.fit(x, y, epochs=2).history
    assert weights(floats) == weights(integers)


# batches


def test_batch_size_is_accumulation_for_one_call(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    batches, groups = tt.Trainer(model), tt.Trainer(model)
    batches.fit(x, y, epochs=2, batch_size=7)
    assert batches.options["accumulate"] == 4
    groups.set_options(accumulate=7)
    groups.fit(x, y, epochs=2)
    assert weights(batches) == weights(groups)


def test_batch_size_without_memory_for_gradients(mlp_model: tt.TrainableModel, blobs: tuple) -> None:
    trainer = tt.Trainer(mlp_model)
    before = trainer.options
    with pytest.raises(
        tt.UserError, match="gate, accumulation or class; convert .*`tflm-train convert .* --accumulate 8"
    ):
        trainer.fit(*blobs, batch_size=8, learning_rate=0.5)
    assert trainer.options == before
    trainer.fit(*blobs, batch_size=1)


# a part to validate with


def test_validation_split_is_the_last_part_before_shuffling(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs
    split, given = tt.Trainer(model), tt.Trainer(model)
    history = split.fit(x, y, epochs=3, validation_split=0.25)
    assert history.history == given.fit(x[:225], y[:225], epochs=3, validation_data=(x[225:], y[225:])).history
    assert weights(split) == weights(given)


# what is refused


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (dict(batch_size=0), "batch_size=0 is out of range"),
        (dict(batch_size=2.5), "batch_size=2.5 is out of range"),
        (dict(validation_split=1.0), "validation_split=1.0 is out of range"),
        (dict(validation_split=-0.1), "validation_split=-0.1 is out of range"),
        (dict(validation_split=True), "validation_split=True is out of range"),
        (dict(validation_split=1e-20), "validation_split=1e-20 of 10 samples leaves none to validate with"),
        (dict(validation_split=0.99), "validation_split=0.99 of 10 samples leaves none to train on"),
        (dict(sample_weight=np.ones(9)), r"sample_weight has shape \(9,\), expected \(10,\)"),
        (dict(sample_weight=np.ones((10, 10))), r"sample_weight has shape \(10, 10\), expected \(10,\)"),
        (dict(sample_weight=[1.0] * 9 + [-2]), r"sample_weight\[9\] is -2: weights are not negative"),
        (dict(sample_weight=[1.0] * 9 + [np.nan]), r"sample_weight has 1 value\(s\) that are NaN"),
        (dict(sample_weight=[1.0] * 9 + [1e39]), r"sample_weight has 1 value\(s\) that are NaN"),
        (dict(sample_weight=3.0), "sample_weight is a single number"),
        (dict(sample_weight=["a"] * 10), "sample_weight holds"),
        (dict(sample_weight=np.ones(10), class_weight={}), "sample_weight or class_weight, not both"),
        (dict(class_weight={10: 1.0}), "class_weight names class 10, but classes of this model go from 0 to 9"),
        (dict(class_weight={"cat": 1.0}), "class_weight names class 'cat'"),
        (dict(class_weight={0.5: 1.0}), "class_weight names class 0.5"),
        (dict(class_weight={0: -1}), r"class_weight\[0\] is -1: weights are not negative"),
        (dict(class_weight={0: "x"}), "class_weight holds"),
        (dict(class_weight="balanced"), "class_weight='balanced' is of the wrong type: a dict"),
        (dict(y=np.full((10, 10), 0.1), class_weight={0: 2}), "not exactly one element above 0.5"),
        (dict(validation_data=(np.zeros((2, 64)), [0, 1], [1.0])), r"validation sample_weight has shape \(1,\)"),
        (dict(validation_data=(1, 2, 3, 4)), "must be a pair"),
        (dict(callbacks=[3]), r"callbacks\[0\] is int, expected a function"),
        (dict(callbacks=[print, object()]), r"callbacks\[1\] is object, expected a function"),
    ],
)  # fmt: skip
def test_what_is_refused_changes_nothing(model: tt.TrainableModel, arguments: dict[str, Any], words: str) -> None:
    trainer = tt.Trainer(model)
    before, options = weights(trainer), trainer.options
    with pytest.raises(tt.UserError, match=words):
        trainer.fit(**{"x": np.zeros((10, 64)), "y": np.arange(10), **arguments})
    assert weights(trainer) == before and trainer.options == options


def test_class_weight_needs_one_class_for_each_sample() -> None:
    x, y = np.zeros((4, 4)), np.array([[0.2, 3.0, 0.1]] * 4)
    assert tt.Trainer(linear()).fit(x, np.eye(3)[[0, 1, 2, 0]], class_weight={0: 2}).completed == 1
    with pytest.raises(tt.UserError, match="give sample_weight instead"):
        tt.Trainer(linear()).fit(x, y + [[0.5, 0, 0]], class_weight={0: 2})
