"""Commands that messages name, whole, so that a user can paste them."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

import numpy as np

from .config import TrainingConfig
from .converters.errors import PlanError
from .converters.options import OPTIONS, stored


def convert_command(model: str, config: TrainingConfig | None = None, output: str | None = None) -> str:
    """``tflm-train convert`` of a model with options, those that have their defaults left out.

    Parameters
    ----------
    model : str
        Its path, as the user gave it.
    config : TrainingConfig, optional
    output : str, optional
        Default: a name that is made of the model's.
    """
    output = str(PurePath(model).with_suffix("")) + "_trainable.tflite" if output is None else output
    words = ["tflm-train", "convert", model, "-o", output]
    for name, option in OPTIONS.items():
        value = option.default if config is None else getattr(config, name)
        if not _same(value, option.default):
            words += _words(option.flags[0], value)
    if config is not None and config.align != OPTIONS["align"].default:
        words += ["--statistics", "D.npz"]  # which no plan holds
    return shlex.join(words)


@contextmanager
def plan_of(source: Any) -> Iterator[None]:
    """Where the plan of a file is read: a plan that cannot be used is refused with the command that makes it anew.

    Trained weights lie in the model, not in the plan, and are kept.
    """
    try:
        yield
    except PlanError as error:
        text = str(error)
        if not isinstance(source, (str, os.PathLike)) or not text.endswith("convert the model again"):
            raise
        raise PlanError(f"{text} with `{convert_command(os.fspath(source))}`, which keeps its weights") from None


def _same(value: Any, default: Any) -> bool:
    """As the device keeps them: the numbers of a plan have been float32."""
    return stored(value) == stored(default) if isinstance(value, float) else bool(value == default)


def _words(flag: str, value: Any) -> list[str]:
    if isinstance(value, bool):  # --on/--off
        return [flag.split("/")[0 if value else 1]]
    if isinstance(value, float):
        return [flag, str(np.float32(value))]
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [flag, ",".join(map(str, value))]
    return [flag, str(value)]
