"""Errors that a user can act on, in one place for the public API."""

from __future__ import annotations

from .converters.errors import ConversionError, MissingToolError, PlanError, UserError

__all__ = [
    "ClassTrainedError",
    "ConversionError",
    "DataWarning",
    "DeviceError",
    "MissingToolError",
    "NonFiniteError",
    "PlanError",
    "PlanOptionError",
    "UserError",
]


class DataWarning(UserWarning):
    """Samples or labels that can be used, and are probably not what was meant."""


class TrainingWarning(UserWarning):
    """Training ended early, diverges, stands still, or drove int8 weights to the ends of their range; the sentence says
    why, and what was kept or what to do."""


class DeviceError(UserError):
    """A device refused a model or a call, and said why."""


class PlanOptionError(DeviceError):
    """The plan was made without an option that is needed now.

    Attributes
    ----------
    changes : dict
        Options of a plan that would do, as far as who raises the error knows them.
    """

    def __init__(self, message: str, **changes: object) -> None:
        super().__init__(message)
        self.changes = changes


class ClassTrainedError(DeviceError):
    """A class was to be taught whose weights training or the file has set."""


class NonFiniteError(DeviceError):
    """An input, output or loss was NaN or infinite; no weight has changed by the sample."""
