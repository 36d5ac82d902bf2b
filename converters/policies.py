"""The policies that a plan names, once for Python and C++.

A selector is its member here and one file of the C++ library, ``policies/selector/NAME.cpp``, that defines its object.
"""

from __future__ import annotations

import enum


class Selector(enum.IntEnum):
    """Which elements of an error go on."""

    DENSE = 0
    STATIC_TOPK = 1
    TINYPROP = 2

    @property
    def word(self) -> str:
        """Its name as an option: ``static-topk``."""
        return self.name.lower().replace("_", "-")
