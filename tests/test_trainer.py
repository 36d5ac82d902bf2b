from __future__ import annotations

from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from tflite_builder import ModelBuilder

import tflm_train as tt
from tflm_train.devices.device import StepLog

Arrays = tuple[np.ndarray, np.ndarray]


def test_fit_learns_and_keeps_a_history(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    x, y = blobs
    trainer = tt.Trainer(mlp_model)
    history = trainer.fit(x[:200], y[:200], epochs=3, validation_data=(x[200:], y[200:]))
    assert history.epoch == [0, 1, 2] and history.stopped is None and history.steps == 600
    assert list(history.history) == ["loss", "accuracy", "val_loss", "val_accuracy"]
    assert all(len(series) == 3 for series in history.history.values())
    assert history.history["loss"][2] < history.history["loss"][0]
    assert history.history["val_accuracy"][2] > 0.9
    assert trainer.evaluate(x[200:], y[200:]) == {
        "loss": history.history["val_loss"][2],
        "accuracy": history.history["val_accuracy"][2],
    }


def test_order_is_that_of_pcg64(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    x, y = blobs
    shuffled = tt.Trainer(mlp_model)
    shuffled.fit(x, y, epochs=2, seed=7)
    generator, ordered = np.random.Generator(np.random.PCG64(7)), tt.Trainer(mlp_model)
    for _ in range(2):
        order = generator.permutation(len(x))
        ordered.fit(x[order], y[order], shuffle=False)
    assert shuffled.trained_model().data == ordered.trained_model().data


def test_default_seed_is_the_plans(blobs: Arrays) -> None:
    model = tt.convert(networks.mlp(), tt.TrainingConfig(seed=11))
    first, second = tt.Trainer(model), tt.Trainer(model)
    first.fit(*blobs)
    second.fit(*blobs, seed=11)
    assert first.trained_model().data == second.trained_model().data


def test_evaluation_does_not_count_as_work(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    with_validation = tt.Trainer(mlp_model).fit(*blobs, epochs=2, validation_data=blobs)
    without = tt.Trainer(mlp_model).fit(*blobs, epochs=2)
    assert with_validation.counters == without.counters
    assert without.counters["forward"] == 600 * (64 * 32 + 32 * 10)


def test_learning_rate_holds_for_one_call(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    trainer = tt.Trainer(mlp_model)
    trainer.fit(*blobs, learning_rate=0.5)
    assert trainer.options["learning_rate"] == pytest.approx(0.01)


def test_saved_file_predicts_the_same_and_trains_on(
    mlp_model: tt.TrainableModel, blobs: Arrays, tmp_path: Path
) -> None:
    x, y = blobs
    trainer = tt.Trainer(mlp_model)
    trainer.fit(x, y)
    trainer.save(tmp_path / "trained.tflite")
    again = tt.Trainer(tmp_path / "trained.tflite")
    np.testing.assert_array_equal(again.predict(x), trainer.predict(x))
    assert again.fit(x, y).history["loss"][0] < trainer.evaluate(x, y)["loss"] * 1.05


def test_reset_goes_back_to_the_file(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    x, _ = blobs
    trainer = tt.Trainer(mlp_model)
    before = trainer.predict(x)
    trainer.fit(*blobs)
    assert not np.array_equal(trainer.predict(x), before)
    trainer.reset()
    np.testing.assert_array_equal(trainer.predict(x), before)


def test_predict_has_the_outputs_shape() -> None:
    b = ModelBuilder()
    rng = np.random.default_rng(0)
    x = b.conv(b.input(1, 4, 4, 2), rng.normal(size=(3, 1, 1, 2)), np.zeros(3))
    model = tt.convert(b.finish(x), tt.TrainingConfig(loss="mse"))
    assert tt.Trainer(model).predict(np.zeros((5, 4, 4, 2))).shape == (5, 4, 4, 3)


def _linear(outputs: int) -> bytes:
    b = ModelBuilder()
    rng = np.random.default_rng(1)
    return b.finish(b.dense(b.input(1, 4), rng.normal(size=(outputs, 4)) * 0.1, np.zeros(outputs)))


@pytest.mark.parametrize("integers", [False, True])
def test_regression_has_no_accuracy(integers: bool) -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(200, 4))
    y = x @ [1.0, -2.0, 3.0, 0.5]
    if integers:
        y = np.round(y).astype(int)
    trainer = tt.Trainer(tt.convert(_linear(1), tt.TrainingConfig(learning_rate=0.02)))
    assert trainer.metric(y) == "mse"
    history = trainer.fit(x, y, epochs=20, validation_data=(x, y))
    assert list(history.history) == ["loss", "val_loss"]
    assert history.history["val_loss"][-1] < (0.2 if integers else 1e-4)
    np.testing.assert_allclose(trainer.predict(x)[:, 0], y, atol=1.5 if integers else 0.05)


def test_integer_labels_on_a_linear_end_are_classes() -> None:
    rng = np.random.default_rng(3)
    y = rng.integers(0, 3, 300)
    x = np.eye(4)[y] + 0.1 * rng.normal(size=(300, 4))
    trainer = tt.Trainer(tt.convert(_linear(3), tt.TrainingConfig(learning_rate=0.1)))
    assert trainer.metric(y) == "accuracy"
    assert trainer.fit(x, y, epochs=3).history["accuracy"][-1] > 0.95


def test_class_numbers_equal_one_hot_vectors(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    x, y = blobs
    numbers, vectors = tt.Trainer(mlp_model), tt.Trainer(mlp_model)
    numbers.fit(x, y)
    vectors.fit(x, np.eye(10)[y])
    assert numbers.trained_model().data == vectors.trained_model().data


def test_samples_left_over_by_accumulation_still_count(blobs: Arrays) -> None:
    x, y = blobs[0][:5], blobs[1][:5]
    model = tt.convert(networks.mlp(), tt.TrainingConfig(accumulate=4))
    whole, split = tt.Trainer(model), tt.Trainer(model)
    whole.fit(x, y, shuffle=False)
    split.fit(x[:4], y[:4], shuffle=False)
    split.fit(x[4:], y[4:], shuffle=False)
    assert whole.trained_model().data == split.trained_model().data


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (dict(x=np.zeros((10, 63))), "expected"),
        (dict(y=np.full(10, 10)), "go from 0 to 9"),
        (dict(x=np.full((10, 64), np.inf)), "640 value"),
        (dict(epochs=0), "epochs"),
        (dict(epochs=1.5), "epochs"),
        (dict(learning_rate=0.0), "learning_rate"),
        (dict(learning_rate=float("nan")), "learning_rate"),
        (dict(seed=-1), "seed"),
        (dict(verbose="loud"), "verbose"),
        (dict(validation_data=np.zeros(3)), "validation_data"),
        (dict(validation_data=(np.zeros((2, 64)), [0, 10])), "validation y"),
    ],
)
def test_fit_refuses_before_it_trains(mlp_model: tt.TrainableModel, change: dict[str, Any], word: str) -> None:
    trainer = tt.Trainer(mlp_model)
    before = trainer.trained_model().data
    with pytest.raises(tt.UserError, match=word):
        trainer.fit(**{"x": np.zeros((10, 64)), "y": np.zeros(10, int), **change})
    assert trainer.trained_model().data == before
    assert trainer.options["learning_rate"] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("changes", "word"),
    [(dict(momentum=0.9), "momentum"), (dict(ratio=2.0), "ratio"), (dict(selector="x"), "selector")],
)
def test_options_out_of_range_change_nothing(mlp_model: tt.TrainableModel, changes: dict[str, Any], word: str) -> None:
    trainer = tt.Trainer(mlp_model)
    before = trainer.options
    with pytest.raises(tt.UserError, match=word):
        trainer.set_options(**changes)
    assert trainer.options == before


def test_options_take_effect(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    dense, sparse = tt.Trainer(mlp_model), tt.Trainer(mlp_model)
    dense.set_options(selector="dense")
    sparse.set_options(selector="static-topk", ratio=0.05)
    assert sparse.options["selector"] == "static-topk" and dense.options["selector"] == "dense"
    assert sparse.fit(*blobs).counters["update"] < 0.7 * dense.fit(*blobs).counters["update"]


def test_the_arena_is_exact(mlp_model: tt.TrainableModel) -> None:
    needed = tt.Trainer(mlp_model).device.arena_bytes
    tt.Trainer(mlp_model, arena_bytes=needed)
    with pytest.raises(tt.DeviceError, match=str(needed)):
        tt.Trainer(mlp_model, arena_bytes=needed - 1)
    for wrong in (0, -1, 1e4, "9"):
        with pytest.raises(tt.UserError, match=f"^arena_bytes={wrong!r} is out of range: a whole number above 0$"):
            tt.Trainer(mlp_model, arena_bytes=wrong)  # type: ignore[arg-type]


def test_devices_are_named(mlp_model: tt.TrainableModel) -> None:
    assert tt.Trainer(mlp_model, device="native-parity").device.name == "native-parity"
    with pytest.raises(tt.UserError, match="native, native-parity"):
        tt.Trainer(mlp_model, device="abacus")


def test_builds_agree(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    x, y = blobs[0][:200], blobs[1][:200]
    release = tt.Trainer(mlp_model, device="native").fit(x, y, shuffle=False).history["loss"][0]
    parity = tt.Trainer(mlp_model, device="native-parity").fit(x, y, shuffle=False).history["loss"][0]
    print(f"mean loss release {release:.9f}, parity {parity:.9f}")
    assert abs(release - parity) <= 1e-4 * max(1.0, parity)


def test_models_come_as_path_bytes_or_object(mlp_model: tt.TrainableModel, tmp_path: Path) -> None:
    mlp_model.save(tmp_path / "m.tflite")
    for model in (mlp_model, mlp_model.data, tmp_path / "m.tflite", str(tmp_path / "m.tflite")):
        assert tt.Trainer(model).trainable_parameters == 2410
    for model, word in ((networks.mlp(), "no training plan"), (7, "not int"), (tmp_path / "no", "cannot be read")):
        with pytest.raises(tt.UserError, match=word):
            tt.Trainer(model)  # type: ignore[arg-type]


class Diverging:
    """A device with one weight that adds 1 per epoch; it fails as it is told."""

    name, arena_bytes, counts_instructions = "fake", 0, False

    def __init__(self, fail_at_step: int = -1, poison_at: int = -1, bad_above: float = np.inf) -> None:
        self.weight = np.zeros(1, np.float32)
        self.steps, self.fail_at_step, self.poison_at, self.bad_above = 0, fail_at_step, poison_at, bad_above

    def train(self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, weights: np.ndarray | None = None) -> StepLog:
        for done in range(len(order)):
            if self.steps == self.fail_at_step:
                return StepLog(np.ones(done, np.float32), *np.ones((3, done), bool), non_finite=True)
            self.steps += 1
            self.weight += 0.1
            if self.steps == self.poison_at:
                self.weight[:] = np.nan
        return StepLog(np.ones(len(order), np.float32), *np.ones((3, len(order)), bool))

    def evaluate(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, int]:
        if not self.weight[0] <= self.bad_above:
            raise tt.NonFiniteError("not finite")
        return 1.0, len(x)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.zeros((len(x), 10), np.float32)

    def parameters(self) -> list[tuple[int, np.ndarray]]:
        return [(0, self.weight.copy())]

    def set_parameters(self, values: list[np.ndarray]) -> None:
        self.weight[:] = values[0]

    def state(self) -> bytes:
        return self.weight.tobytes()

    def set_state(self, state: bytes) -> None:
        self.weight[:] = np.frombuffer(state, self.weight.dtype)

    def counters(self) -> dict[str, int]:
        return dict.fromkeys(("forward", "input_error", "weight_gradient", "update", "selection"), 0)

    def instructions(self) -> tuple[dict[str, int], int]:
        raise NotImplementedError

    def options(self) -> dict[str, Any]:
        return {"learning_rate": 0.01, "accumulate": 1, "clip": 0.0}

    def set_options(self, **changes: Any) -> None: ...
    def reset_counters(self) -> None: ...
    def flush(self) -> None: ...
    def reset(self) -> None: ...
    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("failure", "validate", "epochs_kept"),
    [
        (dict(fail_at_step=3), False, 0),  # within the first epoch
        (dict(fail_at_step=25), False, 2),  # within the third
        (dict(poison_at=30), False, 2),  # the last update of the third epoch
        (dict(fail_at_step=20, bad_above=1.5), False, 1),  # finite weights after the second epoch, useless outputs
        (dict(bad_above=2.5), True, 2),  # the validation after the third epoch
        (dict(fail_at_step=10, bad_above=-1.0), False, 0),  # nothing but the start is left
        (dict(fail_at_step=45, bad_above=-1.0), False, 0),  # the same after four epochs
    ],
)
def test_the_last_good_epoch_comes_back(
    mlp_model: tt.TrainableModel, failure: dict[str, Any], validate: bool, epochs_kept: int
) -> None:
    device = Diverging(**failure)
    data = np.zeros((10, 64)), np.zeros(10, int)
    history = tt.Trainer(mlp_model, device=device).fit(*data, epochs=5, validation_data=data if validate else None)
    assert device.weight[0] == pytest.approx(epochs_kept)
    assert history.completed == epochs_kept
    assert len(history.epoch) == max(epochs_kept, 1)  # an epoch that never ended is there with a loss of NaN
    assert all(len(series) == len(history.epoch) for series in history.history.values())
    assert history.stopped is not None and "NaN or infinite" in history.stopped
    kept = f"the weights of epoch {epochs_kept}" if epochs_kept else "the weights from before training"
    assert kept in history.stopped


def test_divergence_on_the_device_leaves_finite_weights(mlp_model: tt.TrainableModel, blobs: Arrays) -> None:
    x, y = blobs
    trainer = tt.Trainer(mlp_model)
    before = trainer.trained_model().data
    history = trainer.fit(1e18 * x, y, epochs=3, learning_rate=1e30)
    assert history.stopped is not None
    assert np.isfinite(trainer.predict(x)).all()
    if not history.completed:
        assert trainer.trained_model().data == before


def test_stated_trainer_bytes_are_the_librarys(mlp_model: tt.TrainableModel) -> None:
    from tflm_train import _native, _native_parity

    assert mlp_model.sizes.trainer_bytes == _native.trainer_bytes == _native_parity.trainer_bytes
