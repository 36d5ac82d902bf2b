"""Callbacks without Keras."""

from __future__ import annotations

from typing import Any

import networks
import numpy as np
import pytest

import tflm_train as tt


class Recorder:
    """Has all methods of Keras' callbacks, and notes the calls."""

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.model: Any = None
        self.params: Any = None

    def set_model(self, model: Any) -> None:
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        self.params = params

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("on_"):
            raise AttributeError(name)
        return lambda *arguments: self.calls.append((name, *arguments))

    def names(self) -> list[str]:
        return [call[0] for call in self.calls]


@pytest.fixture(scope="module")
def model() -> tt.TrainableModel:
    return tt.convert(networks.mlp(), tt.TrainingConfig(accumulate=4, learning_rate=0.02))


def weights(trainer: tt.Trainer) -> bytes:
    return b"".join(values.tobytes() for _, values in trainer.device.parameters())


def test_the_calls_are_keras(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs[0][:10], blobs[1][:10]
    trainer, recorder = tt.Trainer(model), Recorder()
    history = trainer.fit(x, y, epochs=2, validation_split=0.2, callbacks=[recorder], verbose=0)
    epoch = ["on_epoch_begin", *["on_train_batch_begin", "on_train_batch_end"] * 2, "on_epoch_end"]
    assert recorder.names() == ["on_train_begin", *epoch * 2, "on_train_end"]
    assert recorder.model is trainer and recorder.params == {"epochs": 2, "steps": 2, "verbose": 0}
    ends = [call[1:] for call in recorder.calls if call[0] == "on_epoch_end"]
    assert ends == [(e, {name: series[e] for name, series in history.history.items()}) for e in (0, 1)]
    assert sorted(history.history) == ["accuracy", "loss", "val_accuracy", "val_loss"]
    batches = [call[1:] for call in recorder.calls if call[0] == "on_train_batch_end"]
    assert [batch for batch, _ in batches] == [0, 1, 0, 1]
    assert batches[1][1] == {name: history.history[name][0] for name in ("loss", "accuracy")}  # the mean so far
    assert recorder.calls[-1] == ("on_train_end", ends[-1][1])


def test_watching_batches_changes_no_bit(model: tt.TrainableModel, blobs: tuple) -> None:
    watched, plain = tt.Trainer(model), tt.Trainer(model)
    for batch_size in (1, 7):
        history = watched.fit(*blobs, epochs=2, batch_size=batch_size, callbacks=Recorder())
        assert history.history["loss"] == pytest.approx(
            plain.fit(*blobs, epochs=2, batch_size=batch_size).history["loss"]
        )
        assert weights(watched) == weights(plain)


def test_functions_are_called_after_every_epoch(model: tt.TrainableModel, blobs: tuple) -> None:
    seen: list[tuple[int, float]] = []
    history = tt.Trainer(model).fit(*blobs, epochs=3, callbacks=lambda epoch, logs: seen.append((epoch, logs["loss"])))
    assert seen == list(enumerate(history.history["loss"]))


def test_stop_training_ends_after_the_epoch(model: tt.TrainableModel, blobs: tuple) -> None:
    stopped, short = tt.Trainer(model), tt.Trainer(model)

    def stop(epoch: int, logs: dict[str, float]) -> None:
        stopped.stop_training = epoch == 1

    history = stopped.fit(*blobs, epochs=10, callbacks=[stop])
    assert history.completed == 2 and history.stopped is None and not history.interrupted
    assert history.history == short.fit(*blobs, epochs=2).history
    assert weights(stopped) == weights(short)
    assert stopped.fit(*blobs, epochs=2).completed == 2  # the wish does not outlive its call


def test_stop_training_ends_within_an_epoch(model: tt.TrainableModel, blobs: tuple) -> None:
    x, y = blobs

    class AtThirdUpdate:
        def set_model(self, model: tt.Trainer) -> None:
            self.model = model

        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            self.model.stop_training = batch == 2

    stopped, short = tt.Trainer(model), tt.Trainer(model)
    history = stopped.fit(x, y, epochs=5, shuffle=False, batch_size=4, callbacks=[AtThirdUpdate()])
    expected = short.fit(x[:12], y[:12], shuffle=False, batch_size=4)
    assert history.steps == 12 and history.completed == 1
    assert history.history["loss"] == pytest.approx(expected.history["loss"])
    assert history.history["accuracy"] == expected.history["accuracy"]
    assert weights(stopped) == weights(short)


def test_weights_that_a_callback_sets_are_those_to_come_back_to(model: tt.TrainableModel, blobs: tuple) -> None:
    """A divergence restores the weights after the callbacks of the last good epoch."""
    x, y = blobs
    trainer = tt.Trainer(model)
    halved: list[bytes] = []

    def halve_then_poison(epoch: int, logs: dict[str, float]) -> None:
        trainer.set_weights([array / 2 for array in trainer.get_weights()])
        halved.append(weights(trainer))
        if epoch == 1:
            trainer.set_options(learning_rate=1e30)

    with pytest.warns(tt.TrainingWarning):
        history = trainer.fit(x, y, epochs=4, callbacks=[halve_then_poison])
    assert history.completed == 2 and weights(trainer) == halved[1]


def test_an_error_in_a_callback_is_raised_and_leaves_no_half_group(model: tt.TrainableModel, blobs: tuple) -> None:
    class Fails:
        def on_train_batch_end(self, batch: int, logs: dict[str, float]) -> None:
            raise RuntimeError("mine")

    trainer = tt.Trainer(model)
    with pytest.raises(RuntimeError, match="mine"):
        trainer.fit(*blobs, batch_size=3, learning_rate=0.5, callbacks=[Fails()])
    assert trainer.options["accumulate"] == 4 and trainer.options["learning_rate"] == pytest.approx(0.02)
    before = weights(trainer)
    trainer.device.flush()
    assert weights(trainer) == before


def test_ctrl_c_ends_the_callbacks_too(model: tt.TrainableModel, blobs: tuple) -> None:
    recorder = Recorder()

    def interrupt(epoch: int, logs: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.warns(tt.TrainingWarning, match="interrupted"):
        history = tt.Trainer(model).fit(*blobs, epochs=3, callbacks=[recorder, interrupt])
    assert history.interrupted and recorder.names()[-1] == "on_train_end"


@pytest.mark.parametrize(
    ("history", "kind"),
    [
        (tt.History(stopped="interrupted in epoch 1 of 2", interrupted=True), KeyboardInterrupt),
        (tt.History(stopped="the loss is not finite"), tt.UserError),
    ],
)
def test_what_cannot_go_on_with_half_a_run_says_why(history: tt.History, kind: type[BaseException]) -> None:
    with pytest.raises(kind):
        history.require_end()
    tt.History().require_end()


def test_a_class_in_place_of_an_object_is_told(model: tt.TrainableModel, blobs: tuple) -> None:
    with pytest.raises(
        tt.UserError, match=r"callbacks\[0\] is the class Recorder; give an object of it: Recorder\(...\)"
    ):
        tt.Trainer(model).fit(*blobs, callbacks=[Recorder])


def test_a_scheduler_by_hand(model: tt.TrainableModel, blobs: tuple) -> None:
    trainer = tt.Trainer(model)
    rates: list[float] = []

    def decay(epoch: int, logs: dict[str, float]) -> None:
        rates.append(trainer.options["learning_rate"])
        trainer.optimizer.learning_rate /= 2

    trainer.fit(*blobs, epochs=3, callbacks=[decay])
    np.testing.assert_allclose(rates, [0.02, 0.01, 0.005], rtol=1e-6)
    with pytest.raises(AttributeError):
        trainer.optimizer.momentum = 0.9  # type: ignore[attr-defined]


def test_keras_own_schedulers_set_the_rate(model: tt.TrainableModel, blobs: tuple) -> None:
    keras = pytest.importorskip("keras")
    trainer, rates = tt.Trainer(model), []
    watch = lambda epoch, logs: rates.append(trainer.options["learning_rate"])  # noqa: E731
    halved = keras.callbacks.LearningRateScheduler(lambda epoch, rate: 0.02 * 0.5**epoch)
    trainer.fit(*blobs, epochs=3, callbacks=[halved, watch])
    np.testing.assert_allclose(rates, [0.02, 0.01, 0.005], rtol=1e-6)

    trainer, rates = tt.Trainer(model), []
    plateau = keras.callbacks.ReduceLROnPlateau(monitor="loss", factor=0.1, patience=1, min_delta=1e9)
    trainer.fit(*blobs, epochs=3, callbacks=[plateau, watch])
    np.testing.assert_allclose(rates, [0.02, 0.002, 0.0002], rtol=1e-6)
