"""Calls back into a user's code while ``fit`` runs, under the names of Keras' callbacks; Keras itself is not needed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .errors import UserError

HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_epoch_begin",
    "on_epoch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
)
BATCH_HOOKS = ("on_train_batch_begin", "on_train_batch_end", "on_batch_begin", "on_batch_end")
# attributes of Keras' callbacks that write Keras' own files
WRITERS = ("save_weights_only", "backup_dir")
READER = "write_graph"  # of one that reads the graph of a Keras model


class Optimizer:
    """What a callback may read and change of the optimiser, as Keras' ``LearningRateScheduler`` does.

    Attributes
    ----------
    learning_rate : float
        The trainer's option in force.
    """

    __slots__ = ("_trainer",)

    def __init__(self, trainer: Any) -> None:
        self._trainer = trainer

    @property
    def learning_rate(self) -> float:
        return float(self._trainer.options["learning_rate"])

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        self._trainer.set_options(learning_rate=float(value))


class _AtEpochEnd:
    """A function of (epoch, logs) as a callback."""

    def __init__(self, function: Any) -> None:
        self.on_epoch_end = function


class Callbacks:
    """A user's callbacks, called one after the other.

    Parameters
    ----------
    callbacks : None, callback or iterable of callbacks
        A callback has some of the methods in ``HOOKS``, and where it wants them ``set_model`` and ``set_params``; or it
        is a function of (epoch, logs), called at the end of every epoch.
    model : Trainer
        What ``set_model`` is given.
    params : dict
        What ``set_params`` is given: ``epochs``, ``steps`` (updates per epoch), ``verbose``.

    Raises
    ------
    UserError
        Something that cannot be called back, or that writes Keras' files.
    """

    def __init__(self, callbacks: Any, model: Any, params: dict[str, Any]) -> None:
        self._callbacks = [_checked(item, f"callbacks[{i}]") for i, item in enumerate(_as_list(callbacks))]
        for callback in self._callbacks:
            for setter, value in (("set_params", params), ("set_model", model)):
                if hasattr(callback, setter):
                    getattr(callback, setter)(value)

    @property
    def watch_batches(self) -> bool:
        """Whether a callback wants to be called for every batch."""
        # Keras marks the methods that its base class has for those who do not define them
        found = (getattr(callback, hook, None) for callback in self._callbacks for hook in BATCH_HOOKS)
        return any(callable(method) and not getattr(method, "_is_default", False) for method in found)

    def call(self, hook: str, *arguments: Any) -> None:
        """Call a method of ``HOOKS`` of all that have it."""
        for callback in self._callbacks:
            method = getattr(callback, hook, None)
            if method is not None:
                method(*arguments)


def _as_list(callbacks: Any) -> list[Any]:
    if callbacks is None:
        return []
    if isinstance(callbacks, Iterable) and not _has_hooks(callbacks):
        return list(callbacks)
    return [callbacks]


def _has_hooks(value: Any) -> bool:
    return any(callable(getattr(value, hook, None)) for hook in HOOKS)


def _checked(callback: Any, place: str) -> Any:
    if isinstance(callback, type):
        raise UserError(f"{place} is the class {callback.__name__}; give an object of it: {callback.__name__}(...)")
    if not _has_hooks(callback):
        if not callable(callback):
            raise UserError(
                f"{place} is {type(callback).__name__}, expected a function of (epoch, logs) or an object with methods "
                "such as on_epoch_end"
            )
        return _AtEpochEnd(callback)
    if any(hasattr(callback, attribute) for attribute in WRITERS):
        raise UserError(
            f"{place}: {type(callback).__name__} writes Keras' files; save the trained model with a function instead: "
            'lambda epoch, logs: trainer.save(f"epoch{epoch}.tflite")'
        )
    if hasattr(callback, READER):
        raise UserError(
            f"{place}: {type(callback).__name__} reads a Keras model; take keras.callbacks.CSVLogger, or a function of "
            "(epoch, logs)"
        )
    # else Keras asks the metrics of a Keras model whether more is better
    if getattr(callback, "mode", None) == "auto" and str(getattr(callback, "monitor", "")).endswith("accuracy"):
        callback.mode = "max"
    return callback
