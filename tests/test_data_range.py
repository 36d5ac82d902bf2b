"""Data far outside what a model was trained on are told, and data that are right are not."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
from int8_builder import Int8Builder
from test_losses import INPUTS, network

import tflm_train as tt
from tflm_train.cli import main
from tflm_train.demo import digits


def trained(x: np.ndarray, y: np.ndarray, rate: float, loss: str = "auto", end: str = "SOFTMAX") -> tt.TrainableModel:
    """A file whose weights suit these data."""
    outputs = int(y.max()) + 1 if y.dtype.kind == "i" else y.shape[1]
    trainer = tt.Trainer(tt.convert(network((outputs,), end), tt.TrainingConfig(learning_rate=rate, loss=loss)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", tt.DataWarning)
        trainer.fit(x, y, epochs=30, verbose=0)
    return trainer.trained_model()


def blobs(scale: float, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Samples between 0 and `scale`."""
    rng = np.random.default_rng(2)
    y = rng.integers(0, classes, 200)
    x = rng.uniform(0, 1, (classes, INPUTS))[y] + 0.1 * rng.normal(size=(200, INPUTS))
    return (scale * np.clip(x, 0, 1)).astype(np.float32), y.astype(np.int32)


@pytest.mark.parametrize("factor", [16, 255, 1000])
def test_data_of_another_scale_are_told(factor: int) -> None:
    x, y = blobs(1.0)
    trainer = tt.Trainer(trained(x, y, 0.1))
    for call in (trainer.evaluate, trainer.fit):
        with pytest.warns(tt.DataWarning, match=f"^x reaches {factor}, which seems far outside what the model was"):
            call(factor * x, y)


def test_a_model_of_large_numbers_is_left_in_peace() -> None:
    """It was trained on 0 to 255: right, with other labels, and with labels that nothing could know."""
    x, y = blobs(1.0)
    trainer = tt.Trainer(trained(x, y, 0.1))
    (_, weights), (_, biases) = trainer.device.parameters()
    trainer.device.set_parameters([weights / 255, biases])
    model, x = trainer.trained_model(), 255 * x
    assert tt.Trainer(model).evaluate(x, y)["accuracy"] > 0.9
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for labels in (y, (y + 1) % 4, rng.integers(0, 4, len(y)), np.zeros_like(y)):
            tt.Trainer(model).evaluate(x, labels)


def test_an_int8_sigmoid_is_judged_by_its_probabilities() -> None:
    """Its loss reads the logits, whose sides are those of 0, not of 0.5."""
    x, y = blobs(1.0, classes=2)
    b = Int8Builder(np.random.default_rng(0))
    logits = b.quantise(b.int8_dense(b.int8_input(1, INPUTS, scale=1 / 255, zero_point=-128), 1, False), 0.1, 0)
    data = b.finish(b.quantise(b.int8_op("LOGISTIC", [logits], (1, 1)), 1 / 256, -128))
    trainer = tt.Trainer(tt.convert(data, tt.TrainingConfig(learning_rate=0.05)))
    trainer.fit(x, y, epochs=30, verbose=0)
    assert trainer.evaluate(x, y)["accuracy"] > 0.9
    with pytest.warns(tt.DataWarning, match=r"^x reaches 255.* samples come out right, with x / 255"):
        tt.Trainer(trainer.trained_model()).evaluate(255 * x, y)


def of_large_numbers(weight: float = 1.0) -> tuple[tt.TrainableModel, np.ndarray, np.ndarray]:
    """A model that was trained on 0 to 255, its samples and labels; `weight` scales what it has learned."""
    x, y = blobs(1.0)
    trainer = tt.Trainer(trained(x, y, 0.1))
    (_, weights), (_, biases) = trainer.device.parameters()
    trainer.device.set_parameters([weight * weights / 255, np.zeros_like(biases)])
    return trainer.trained_model(), 255 * x, y


def test_a_saturated_model_of_large_numbers_is_left_in_peace() -> None:
    """It knows them, with gross mistakes on a part; scaled down they tell it nothing."""
    model, x, y = of_large_numbers(20.0)
    rng = np.random.default_rng(3)
    shifted = np.where(rng.uniform(size=len(y)) < 0.3, (y + 1) % 4, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tt.Trainer(model).evaluate(x, shifted)


def test_small_numbers_into_a_model_of_large_ones_are_told() -> None:
    model, x, y = of_large_numbers()
    trainer = tt.Trainer(model)
    (_, weights), (_, biases) = trainer.device.parameters()
    trainer.device.set_parameters([weights, np.array([1.0, 0.0, 0.0, 0.0])])  # decides where the input says nothing
    model = trainer.trained_model()
    with pytest.warns(tt.DataWarning, match=r"^x only reaches 1, which seems far .* come out right, with 255 \* x"):
        tt.Trainer(model).evaluate(x / 255, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tt.Trainer(model).evaluate(x, y)


def test_small_numbers_into_a_model_of_small_ones_are_no_news() -> None:
    """Right, with other labels, with labels that nothing could know, before any training, and few of them."""
    x, y = blobs(1.0)
    rng = np.random.default_rng(1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (trained(x, y, 0.1), tt.convert(network((4,), "SOFTMAX"))):
            for labels in (y, (y + 1) % 4, rng.integers(0, 4, len(y)), np.zeros_like(y)):
                for count in (1, 3, 10, len(y)):
                    tt.Trainer(model).evaluate(x[:count], labels[:count])


def test_small_numbers_into_a_regression_of_large_ones_are_told() -> None:
    x, _ = blobs(1.0)
    y = (x @ np.arange(INPUTS))[:, None].astype(np.float32)
    trainer = tt.Trainer(trained(x, y, 0.01, "mse", ""))
    (_, weights), (_, biases) = trainer.device.parameters()
    trainer.device.set_parameters([weights / 255, biases])
    model = trainer.trained_model()
    with pytest.warns(tt.DataWarning, match=r"^x only reaches 1, .* squared error of 64 samples is .*, with 255 \* x"):
        tt.Trainer(model).evaluate(x, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tt.Trainer(model).evaluate(255 * x, y)


def test_what_was_trained_on_is_no_news() -> None:
    x, y = blobs(1.0)
    trainer = tt.Trainer(trained(x, y, 0.1))
    with pytest.warns(tt.DataWarning):
        trainer.fit(255 * x, y, learning_rate=1e-5)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.evaluate(255 * x, y)


def test_squared_errors_beyond_all_measure_are_told() -> None:
    x, _ = blobs(1.0)
    y = (x @ np.arange(INPUTS))[:, None].astype(np.float32)
    trainer = tt.Trainer(trained(x, y, 0.01, "mse", ""))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trainer.evaluate(x, y)
    with pytest.warns(tt.DataWarning, match=r"the mean squared error of 64 samples is .*, with x / 255 "):
        trainer.evaluate(255 * x, y)


def test_an_untrained_model_that_saturates_is_told() -> None:
    x, _ = blobs(1000.0)
    trainer = tt.Trainer(tt.convert(network((4,), "SOFTMAX")))
    with pytest.warns(tt.DataWarning, match="saturates the outputs"):
        trainer.fit(x, np.random.default_rng(1).integers(0, 4, len(x)), learning_rate=1e-9, verbose=0)


def test_digits_of_0_to_255_into_a_model_of_0_to_1(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    data = digits.load_digits(0)
    import keras

    keras.utils.set_random_seed(0)
    layers = keras.layers
    model = keras.Sequential(
        [keras.Input((8, 8, 1)), layers.Conv2D(8, 3, activation="relu"), layers.Flatten(),
         layers.Dense(10, activation="softmax")]
    )  # fmt: skip
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(data.factory_x, data.factory_y, epochs=20, verbose=0)
    tt.convert(model).save(tmp_path / "m.tflite")
    for scale, told in ((1, False), (255, True)):
        x = np.round(scale * data.clean_test).astype(np.uint8) if told else data.clean_test
        np.savez(tmp_path / "d.npz", x=x[:100], y=data.y_test[:100])
        for command in ("train", "evaluate"):
            assert main([command, str(tmp_path / "m.tflite"), "--data", str(tmp_path / "d.npz"), "--json"]) == 0
            out, err = capfd.readouterr()
            sentences = json.loads(out)["warnings"]
            lines = [line for line in err.splitlines() if line.startswith("warning: x reaches")]
            assert len(sentences) == len(lines) == told, (scale, command, sentences)


def test_a_divergence_names_the_data_as_a_likely_reason() -> None:
    x, y = blobs(255.0)
    trainer = tt.Trainer(
        tt.convert(
            network(
                (4,),
                "",
            ),
            tt.TrainingConfig(loss="mse"),
        )
    )
    history = trainer.fit(x, np.eye(4)[y], learning_rate=0.1, verbose=0)
    assert "x reaches 255: scale it as for the model's training, or try a smaller learning rate" in str(history.stopped)
