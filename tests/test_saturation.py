"""Int8 training that runs into the ends of int8 says so: the loss alone looks like that of a hard task."""

from __future__ import annotations

import warnings

import networks
import numpy as np
import pytest
from int8_builder import Int8Builder

import tflm_train as tt

RNG = np.random.default_rng(8)
X = RNG.normal(size=(120, 9)).astype(np.float32)
Y = ((X[:, 0] > 0) + 2 * (X[:, 1] > 0)).astype(np.int32)
STUCK = "outputs of 32 samples with different labels are all the same.*smaller learning rate"


def network() -> bytes:
    """Weights as training leaves them: few are large."""
    b = Int8Builder(np.random.default_rng(1))
    x = b.int8_input(1, 9, scale=0.04, zero_point=3)
    for inputs, outputs, fused, scale in ((9, 12, 1, 0.03), (12, 4, 0, 0.06)):
        w = b.int8_constant(np.clip(np.round(b.rng.normal(size=(outputs, inputs)) * 35), -127, 127), 0.012, 0)
        bias = b.quantise(b.constant(np.zeros(outputs, np.int32)), 0.012 * b.scale_of(x), 0)
        x = b.int8_op("FULLY_CONNECTED", [x, w, bias], (1, outputs), fusedActivationFunction=fused)
        b.quantise(x, scale, -128 if fused else 0)
    return b.finish(x)


def test_training_that_learns_says_nothing():
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=0.01)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", tt.TrainingWarning)
        history = trainer.fit(X, Y, epochs=5, verbose=0)
    assert history.saturated is None
    assert history.history["accuracy"][-1] > history.history["accuracy"][0] + 0.2


@pytest.mark.parametrize("update", ["int16-master", "stochastic", "nearest"])
def test_outputs_that_are_all_the_same_are_said(update):
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=20.0, update=update)))
    with pytest.warns(tt.TrainingWarning, match=STUCK):
        history = trainer.fit(X, Y, epochs=3, verbose=0)
    assert history.saturated is not None and history.stopped is None and history.completed == 3


def test_weights_that_cannot_grow_are_said():
    """A loss that wants outputs beyond what the last layer's scale can state."""
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=0.02, loss="mse", layers="last:1")))
    with pytest.warns(tt.TrainingWarning, match="of the int8 weights lie at an end of their range .before training 0%"):
        trainer.fit(X, 50 * np.sign(X[:, :4]).astype(np.float32), epochs=20, verbose=0)


def test_labels_that_are_all_the_same_may_have_one_output():
    trainer = tt.Trainer(tt.convert(network(), tt.TrainingConfig(learning_rate=20.0)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = trainer.fit(X, np.ones_like(Y), epochs=3, verbose=0)
    assert history.saturated is None or "with different labels" not in history.saturated


def test_floats_have_no_range():
    data = networks.mlp()
    trainer = tt.Trainer(tt.convert(data, tt.TrainingConfig(learning_rate=1e-3)))
    x, y = networks.samples(data, 20)
    assert trainer.fit(x, y, epochs=1, verbose=0).saturated is None


def test_the_command_says_it_on_stderr_and_in_the_json(run, tmp_path):
    plain, planned, data = (tmp_path / name for name in ("a.tflite", "b.tflite", "d.npz"))
    plain.write_bytes(network())
    np.savez(data, x=X, y=Y)
    run("convert", plain, "-o", planned)
    done = run("train", planned, "--data", data, "--epochs", 2, "--lr", 20, "--json")
    (line,) = done.err.splitlines()
    assert done.code == 0 and line.startswith("warning: the outputs of 32 samples")
    assert done.json["warnings"] == [line.removeprefix("warning: ")]
