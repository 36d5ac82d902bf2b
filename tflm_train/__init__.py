"""On-device training for TensorFlow Lite Micro.

>>> import tflm_train as tt
>>> model = tt.convert("model.tflite", tt.TrainingConfig(selector="tinyprop"))
>>> trainer = tt.Trainer(model, device="native")
>>> history = trainer.fit(x, y, epochs=5)
>>> trainer.save("trained.tflite")
"""

from __future__ import annotations

import pkgutil
from pathlib import Path


def _search_path(found: list[str]) -> list[str]:
    """Where submodules lie: an installed copy before a checkout that happens to be the current folder."""
    here = Path(__file__).resolve().parent
    checkout = here.parent
    if not (checkout / "converters" / "plan_format.py").exists():
        return found
    installed = [p for p in pkgutil.extend_path(found, __name__) if Path(p).resolve() != here]
    return [*installed, *found, str(checkout)]


__path__ = _search_path(__path__)

from .config import TrainingConfig  # noqa: E402
from .version import __version__  # noqa: E402

__all__ = ["TrainingConfig", "__version__"]
