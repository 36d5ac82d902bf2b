"""Statuses of the C++ library as errors."""

from __future__ import annotations

from ..errors import ClassTrainedError, DeviceError, NonFiniteError, PlanOptionError

OK, NON_FINITE, SELECTOR_NEEDS_PLAN, CLASS_TRAINED = 0, 14, 15, 20  # of the library's Status
_KINDS: dict[int, type[DeviceError]] = {
    NON_FINITE: NonFiniteError,
    SELECTOR_NEEDS_PLAN: PlanOptionError,
    CLASS_TRAINED: ClassTrainedError,
}


def refusal(status: int, text: str) -> DeviceError:
    """The error that a status other than OK becomes."""
    return _KINDS.get(status, DeviceError)(text)
