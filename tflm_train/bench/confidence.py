"""Means over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..converters.install_hint import install_command
from ..errors import MissingToolError


def half_width(values: Sequence[float] | np.ndarray) -> float | None:
    """Of the 95 % interval of the mean (Student's t); None for a single value.

    Raises
    ------
    MissingToolError
        SciPy is not installed.
    """
    if len(values) < 2:
        return None
    try:
        from scipy import stats
    except ImportError:
        raise MissingToolError("intervals over seeds need SciPy: " + install_command("demo")) from None
    return float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def mean_and_interval(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """Mean and ``half_width`` for people."""
    width = half_width(values)
    return f"{np.mean(values):.{digits}f} ± {float('nan') if width is None else width:.{digits}f}"
