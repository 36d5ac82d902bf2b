"""What is measured with which selector."""

from __future__ import annotations

from ..config import SELECTORS as POLICIES
from ..converters.policies import Selector

# not by weights: a score for all of a layer takes more than a step of one sample saves
SELECTORS = ("dense-noskip", *(word for word in POLICIES if word != Selector.ERROR_MAP.word))
