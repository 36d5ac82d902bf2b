"""Compares models in the schema's object form field by field."""

from __future__ import annotations

from typing import Any

import numpy as np


def differences(a: Any, b: Any, path: str = "model") -> list[str]:
    """Paths of all fields in which two models differ."""
    if isinstance(a, (bytes, str)) and isinstance(b, (bytes, str)):
        same = (a.encode() if isinstance(a, str) else a) == (b.encode() if isinstance(b, str) else b)
        return [] if same else [f"{path}: {a!r} != {b!r}"]
    if isinstance(a, np.ndarray) and isinstance(b, (np.ndarray, list)):
        b = np.asarray(b, a.dtype)
        return [] if a.shape == b.shape and a.tobytes() == b.tobytes() else [f"{path}: {a} != {b}"]
    if isinstance(a, list) and isinstance(b, list):
        found = [] if len(a) == len(b) else [f"{path}: {len(a)} entries != {len(b)}"]
        for i, (x, y) in enumerate(zip(a, b)):
            found += differences(x, y, f"{path}[{i}]")
        return found
    if type(a) is not type(b):
        return [f"{path}: {a!r} != {b!r}"]
    if hasattr(a, "__dict__"):
        found = []
        for field in vars(a):
            found += differences(getattr(a, field), getattr(b, field), f"{path}.{field}")
        return found
    return [] if a == b else [f"{path}: {a!r} != {b!r}"]
