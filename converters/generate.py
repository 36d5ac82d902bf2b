"""Writes everything that the C++ library and the README repeat of this package::

    python -m tflm_train.converters.generate [--check]

``--check`` writes nothing and exits with 1 when a file differs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from . import fingerprint, plan_header, policies_cpp
from .operators import cpp, table

FILES: dict[str, Callable[[], str]] = {
    "base/format.h": plan_header.shared_header,
    "plan/plan_format.h": plan_header.cpp_header,
    "plan/fingerprint_fields.h": fingerprint.cpp_header,
    "plan/kernel_names.h": cpp.kernel_names,
    "policies/option_names.h": plan_header.option_names,
    "policies/policies.h": policies_cpp.declarations,
    "operators/arguments.h": cpp.arguments,
    "operators/operators.h": cpp.declarations,
    "operators/all_operators.h": cpp.all_operators_set,
    "operators/all_operators.cpp": cpp.all_operators,
}  # below micro_kernels/src/tflm_train


def stale(root: Path) -> list[Path]:
    """Generated files below ``root``, the library's folder ``tflm_train``, that are not as they would be written."""
    paths = {root / name: text for name, text in FILES.items()}
    return [path for path, text in paths.items() if not path.exists() or path.read_text() != text()]


def readme_is_stale(readme: Path) -> bool:
    """Whether its table of operators is not as it would be written."""
    text = readme.read_text()
    return table.replaced(text) != text


def main() -> int:
    checkout = Path(__file__).resolve().parent.parent
    root, readme = checkout / "micro_kernels" / "src" / "tflm_train", checkout / "README.md"
    found = stale(root) + [readme] * readme_is_stale(readme)
    for path in found:
        print(path)
        if "--check" in sys.argv:
            continue
        path.write_text(
            table.replaced(path.read_text()) if path == readme else FILES[path.relative_to(root).as_posix()]()
        )
    return 1 if found and "--check" in sys.argv else 0


if __name__ == "__main__":
    raise SystemExit(main())
