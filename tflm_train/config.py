"""What to train and how: the options of ``convert`` and of the command line, under the same names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from .converters.errors import UserError
from .converters.options import LOSSES, OPTIONS, SELECTORS, checked, in_effect, refuse_idle

__all__ = ["LOSSES", "SELECTORS", "TrainingConfig"]


def _default(name: str) -> Any:
    return OPTIONS[name].default


@dataclass(frozen=True)
class TrainingConfig:
    """Training options written into the plan.

    Parameters
    ----------
    layers : str or sequence
        ``"auto"``: all, but for those with ``trainable=False`` in a Keras model; ``"all"``, ``"last:N"`` (operators
        with parameters, counted from the output), or names or indices of operators as ``tflm-train inspect`` prints
        them (a sequence, or one string with commas).
    cut : str or int
        Where the frozen body ends and the head begins: a layer or tensor by name, or an operator by index, whose output
        all of the head is computed from. The plan gets programs that start there, and all layers means all of the head.
        ``"auto"``: none, but in front of the trained layers where the library cannot run a layer of the body itself
        (recurrent, int8, custom): the body then runs in TensorFlow Lite Micro, on a PC in ai-edge-litert.
    loss : {"auto", "cross-entropy", "binary-cross-entropy", "mse"}
        ``auto``: what a Keras model was compiled with, where that is one of these; else SOFTMAX at the end means cross
        entropy, LOGISTIC binary cross entropy; a linear end trains on cross entropy from logits for class labels and
        on mean squared error for vectors.
    selector : {"dense", "static-topk", "tinyprop"}
        Which elements of a layer's error go on.
    ratio : float in (0, 1]
        static-topk: part of the elements that is kept.
    s_min, s_max, damping, decay : float
        TinyProp's constants: S = (s_min + (s_max - s_min) Y / Ymax) damping^d, Ymax <- max(decay Ymax, Y).
    output_sparse : bool
        Select in the output layer too (the paper's form; collapses with few classes).
    learning_rate : float > 0
    accumulate : int >= 1
        Samples per update; more than one reserves gradient buffers.
    zero_skip : bool
        Errors that are exactly zero cost nothing (same result).
    add_bias : bool
        Give trained operators of a ``.tflite`` without bias a bias of zeros.
    seed : int
        Of the sample order.

    Raises
    ------
    UserError
        A value of another type or outside its range, which is that of the float32 that the device keeps; an option
        that has no effect with this selector. The message names the option and the range.
    """

    layers: str | Sequence[str | int] = _default("layers")
    cut: str | int = _default("cut")
    loss: str = _default("loss")
    selector: str = _default("selector")
    ratio: float = _default("ratio")
    s_min: float = _default("s_min")
    s_max: float = _default("s_max")
    damping: float = _default("damping")
    decay: float = _default("decay")
    output_sparse: bool = _default("output_sparse")
    learning_rate: float = _default("learning_rate")
    accumulate: int = _default("accumulate")
    zero_skip: bool = _default("zero_skip")
    add_bias: bool = _default("add_bias")
    seed: int = _default("seed")

    def __post_init__(self) -> None:
        for name, value in checked({f.name: getattr(self, f.name) for f in fields(self)}).items():
            object.__setattr__(self, name, value)
        refuse_idle([name for name in OPTIONS if getattr(self, name) != OPTIONS[name].default], vars(self))

    @classmethod
    def paper(cls, **changes: object) -> "TrainingConfig":
        """TinyProp as in the authors' demo: damping 0.5, no decay, sparse output layer."""
        preset: dict[str, object] = dict(
            selector="tinyprop", s_min=0.1, s_max=0.9, damping=0.5, decay=1.0, output_sparse=True
        )
        unknown = sorted(set(changes) - set(OPTIONS))
        if unknown:
            raise UserError(f"unknown option {unknown[0]!r}: TrainingConfig has {', '.join(sorted(OPTIONS))}")
        return cls(**{**preset, **changes})  # type: ignore[arg-type]

    def with_selector(self, selector: str) -> "TrainingConfig":
        """The same under another selector; options that have no effect with it have their defaults."""
        chosen = {**vars(self), "selector": selector}
        idle = {name: option.default for name, option in OPTIONS.items() if not in_effect(name, chosen)}
        return replace(self, **idle, selector=selector)
