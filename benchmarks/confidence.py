"""Means over seeds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats


def mean_and_interval(values: Sequence[float] | np.ndarray, digits: int = 2) -> str:
    """Mean and the half width of its 95 % interval (Student's t), nan for a single value."""
    many = len(values) > 1
    half = stats.t.ppf(0.975, len(values) - 1) * stats.sem(values) if many else float("nan")
    return f"{np.mean(values):.{digits}f} ± {half:.{digits}f}"
