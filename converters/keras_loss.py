"""The loss that a Keras model was compiled with, as one of ``TrainingConfig.loss``."""

from __future__ import annotations

from typing import Any

from .policies import Loss

_WORDS = {name: loss.word for loss in Loss for name in loss.keras}
_CONSTANTS = {"label_smoothing": 0, "delta": 1}  # as losses here have them


def compiled_loss(model: Any) -> tuple[str | None, str | None]:
    """The word of ``TrainingConfig.loss`` that means a model's loss, and Keras' name of it; None where there is none.

    Parameters
    ----------
    model : keras.Model
    """
    loss = getattr(model, "loss", None)
    while isinstance(loss, (list, tuple, dict)) and len(loss) == 1:
        loss = next(iter(loss.values() if isinstance(loss, dict) else loss))
    if loss is None:
        return None, None
    name = _name(loss)
    constants = getattr(loss, "_fn_kwargs", {})
    for constant, ours in _CONSTANTS.items():
        value = constants.get(constant, ours)
        if isinstance(value, (int, float)) and value != ours:
            return None, f"{name} with {constant}={value:g}"
    return _WORDS.get(name.lower().replace("_", "")), name


def _name(loss: Any) -> str:
    if isinstance(loss, str):
        return loss
    function = getattr(loss, "fn", loss)  # of Keras' own wrapper of functions
    return str(getattr(function, "__name__", type(function).__name__))
