"""Writes everything that the C++ library repeats of this package::

    python -m tflm_train.converters.generate [--check]

``--check`` writes nothing and exits with 1 when a file differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import fingerprint, plan_header
from .operators import cpp

FILES: dict[str, Callable[[], str]] = {
    "runtime/plan_format.h": plan_header.cpp_header,
    "runtime/fingerprint_fields.h": fingerprint.cpp_header,
    "runtime/kernel_names.h": cpp.kernel_names,
    "operators/arguments.h": cpp.arguments,
    "operators/operators.h": cpp.declarations,
    "operators/all_operators.h": cpp.all_operators_set,
    "operators/all_operators.cpp": cpp.all_operators,
}  # below micro_kernels/src/tflm_train


def stale(root: Path) -> list[Path]:
    """Generated files below ``root``, the library's folder ``tflm_train``, that are not as they would be written."""
    paths = {root / name: text for name, text in FILES.items()}
    return [path for path, text in paths.items() if not path.exists() or path.read_text() != text()]


def main() -> int:
    root = Path(__file__).resolve().parent.parent / "micro_kernels" / "src" / "tflm_train"
    found = stale(root)
    for path in found:
        print(path)
        if "--check" not in sys.argv:
            path.write_text(FILES[path.relative_to(root).as_posix()]())
    return 1 if found and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
