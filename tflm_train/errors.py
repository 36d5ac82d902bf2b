"""Errors that a user can act on, in one place for the public API."""

from __future__ import annotations

from .converters.errors import ConversionError, MissingToolError, PlanError, UserError

__all__ = [
    "ConversionError",
    "DataWarning",
    "DeviceError",
    "MissingToolError",
    "NonFiniteError",
    "PlanError",
    "UserError",
]


class DataWarning(UserWarning):
    """Samples or labels that can be used, and are probably not what was meant."""


class TrainingWarning(UserWarning):
    """Training ended early; the sentence says why, and what was kept."""


class DeviceError(UserError):
    """A device refused a model or a call, and said why."""


class NonFiniteError(DeviceError):
    """An input, output or loss was NaN or infinite; no weight has changed by the sample."""
