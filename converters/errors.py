"""Errors that a user can act on."""

from __future__ import annotations


class UserError(ValueError):
    """A mistake of the user: one sentence naming the thing, the reason and the way out. Exit code 2."""


class ConversionError(UserError):
    """A model that cannot be read, or a layer that cannot be trained."""


class PlanError(UserError):
    """A training plan that is missing, damaged or of another version."""


class MissingToolError(UserError):
    """A tool or package that is not installed; the message names what to install. Exit code 3."""
