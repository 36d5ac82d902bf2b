"""Models of vectors without a batch dimension train; a batch of several samples is refused, at both ends."""

from __future__ import annotations

import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt
from tflm_train.runtimes import evaluate_file


def _flat(seed: int = 0, batch: bool = False) -> bytes:
    """Six numbers to three classes: [6] -> [3], or [1, 6] -> [1, 3]."""
    rng, b = np.random.default_rng(seed), ModelBuilder()
    x = b.input(1, 6) if batch else b.input(6)
    hidden = b.dense(x, rng.normal(size=(8, 6)), np.zeros(8), "RELU")
    y = b.op("SOFTMAX", [b.dense(hidden, rng.normal(size=(3, 8)) * 0.3, np.zeros(3))], (1, 3), beta=1.0)
    return b.finish(y if batch else b.reshape(y, 3))


def test_vectors_without_a_batch_dimension_train_like_those_with_one() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 3, 60)
    x = rng.normal(size=(3, 6))[y] + 0.1 * rng.normal(size=(60, 6))
    flat, batch = (tt.Trainer(tt.convert(_flat(batch=b), tt.TrainingConfig(learning_rate=0.05))) for b in (False, True))
    assert flat.model.input_shape == (6,) and flat.model.output_shape == (3,)
    histories = [trainer.fit(x, y, epochs=5, verbose=0) for trainer in (flat, batch)]
    assert histories[0].history["loss"] == histories[1].history["loss"]
    assert histories[0].history["accuracy"][-1] > 0.95
    assert flat.predict(x).shape == (60, 3)
    result = evaluate_file(flat.trained_model().data, "litert", x, y)
    assert result["loss"] == pytest.approx(flat.evaluate(x, y)["loss"], rel=1e-5)


def test_a_vector_out_is_one_sample() -> None:
    b = ModelBuilder()
    y = b.reshape(b.dense(b.input(4), np.eye(4)[:2], np.zeros(2)), 2)
    trainer = tt.Trainer(tt.convert(b.finish(y), tt.TrainingConfig(loss="mse")))
    x = np.arange(8.0).reshape(2, 4)
    assert trainer.evaluate(x, x[:, :2])["loss"] == 0
    with pytest.raises(tt.UserError, match=r"expected \(n, 4\)"):
        trainer.fit(np.zeros((2, 5)), x[:, :2])


@pytest.mark.parametrize("form", [(4, 3), (2, 1, 3)])
def test_a_batch_of_several_inputs_is_refused(form: tuple[int, ...]) -> None:
    b = ModelBuilder()
    rows = int(np.prod(form[:-1]))
    y = b.dense(b.input(*form), np.ones((2, 3)), np.zeros(2), batch=rows)
    with pytest.raises(tt.ConversionError, match=rf"takes batches of {form[0]} .*'input'.*export it with batch size 1"):
        tt.convert(b.finish(y))


def test_a_batch_of_several_outputs_is_refused() -> None:
    """Training took the first row's shape for the whole output, and every ``fit`` failed."""
    b = ModelBuilder()
    y = b.reshape(b.dense(b.input(1, 3), np.ones((12, 3)), np.zeros(12)), 4, 3)
    with pytest.raises(tt.ConversionError, match=r"gives batches of 4 .*\[4, 3\].*export it with batch size 1"):
        tt.convert(b.finish(y))
