"""What to train and how: the options of ``convert`` and of the command line, under the same names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from .converters.errors import UserError

LOSSES = ("auto", "cross-entropy", "binary-cross-entropy", "mse")
SELECTORS = ("dense", "static-topk", "tinyprop")


@dataclass(frozen=True)
class TrainingConfig:
    """Training options written into the plan.

    Parameters
    ----------
    layers : str or sequence
        ``"all"``, ``"last:N"`` (operators with parameters, counted from the output), or names or
        indices of operators as ``tflm-train inspect`` prints them (a sequence, or one string with commas).
    loss : {"auto", "cross-entropy", "binary-cross-entropy", "mse"}
        ``auto``: SOFTMAX at the end means cross entropy, LOGISTIC binary cross entropy; a linear end trains
        on cross entropy from logits for class labels and on mean squared error for vectors.
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
        A value outside its range; the message names the option and the range.
    """

    layers: str | Sequence[str | int] = "all"
    loss: str = "auto"
    selector: str = "dense"
    ratio: float = 0.1
    s_min: float = 0.1
    s_max: float = 0.9
    damping: float = 0.9
    decay: float = 0.99
    output_sparse: bool = False
    learning_rate: float = 0.01
    accumulate: int = 1
    zero_skip: bool = True
    add_bias: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        def check(name: str, good: bool, rule: str) -> None:
            if not good:
                raise UserError(f"{name}={getattr(self, name)!r} is out of range: {rule}")

        check("loss", self.loss in LOSSES, f"one of {', '.join(LOSSES)}")
        check("selector", self.selector in SELECTORS, f"one of {', '.join(SELECTORS)}")
        check("ratio", 0 < self.ratio <= 1, "a number above 0 and at most 1")
        check("s_min", 0 <= self.s_min <= 1, "a number from 0 to 1")
        check("s_max", self.s_min <= self.s_max <= 1, "a number from s_min to 1")
        check("damping", 0 < self.damping <= 1, "a number above 0 and at most 1")
        check("decay", 0 < self.decay <= 1, "a number above 0 and at most 1")
        check("learning_rate", 0 < self.learning_rate < float("inf"), "a positive finite number")
        check(
            "accumulate",
            isinstance(self.accumulate, int) and 1 <= self.accumulate <= 65535,
            "a whole number from 1 to 65535",
        )
        check("seed", isinstance(self.seed, int) and 0 <= self.seed < 2**32, "a whole number from 0 to 4294967295")

    @classmethod
    def paper(cls, **changes: object) -> "TrainingConfig":
        """TinyProp as in the authors' demo: damping 0.5, no decay, sparse output layer."""
        preset: dict[str, object] = dict(
            selector="tinyprop", s_min=0.1, s_max=0.9, damping=0.5, decay=1.0, output_sparse=True
        )
        known = {f.name for f in fields(cls)}
        unknown = set(changes) - known
        if unknown:
            raise UserError(f"unknown option {sorted(unknown)[0]!r}: TrainingConfig has {', '.join(sorted(known))}")
        return cls(**{**preset, **changes})  # type: ignore[arg-type]
