"""The compiled modules: the device runtime, in process. All metadata is in setup.cfg."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pybind11.setup_helpers import ParallelCompile, Pybind11Extension, build_ext
from setuptools import setup

LIBRARY = Path("micro_kernels/src")
BINDING = Path("tflm_train")  # native_*.cpp


def library_sources() -> list[str]:
    """The C++ library without the binding to TFLM, which needs TFLM's headers."""
    sources = [p for p in LIBRARY.rglob("*.cpp") if "tflm" not in p.relative_to(LIBRARY / "tflm_train").parts]
    return sorted(p.as_posix() for p in sources)


def extension(name: str, macros: list[tuple[str, str]], flags: list[str]) -> Pybind11Extension:
    """A build of the same sources under another name."""
    optimise = [] if sys.platform == "win32" else ["-O2", "-MMD"]
    return Pybind11Extension(
        f"tflm_train.{name}",
        [*sorted(p.as_posix() for p in BINDING.glob("native_*.cpp")), *library_sources()],
        include_dirs=[LIBRARY.as_posix()],
        define_macros=[("TFLM_TRAIN_MODULE", name), ("TFLM_TRAIN_COUNTERS", "1"), *macros],
        extra_compile_args=[*optimise, *flags],
        depends=sorted(p.as_posix() for p in (*LIBRARY.rglob("*.h"), *BINDING.glob("*.h"))),
        cxx_std=17,
    )


def needs_recompile(obj: str, src: str) -> bool:
    """Whether a source or a header that it includes (the compiler's dependency file) is newer than its object."""
    dependencies = Path(obj).with_suffix(".d")
    if not os.path.exists(obj) or not dependencies.exists():
        return True
    names = dependencies.read_text().replace("\\\n", " ").split(": ", 1)[1].split()
    built = os.path.getmtime(obj)
    return any(not os.path.exists(name) or os.path.getmtime(name) > built for name in (src, *names))


class SeparateObjects(build_ext):
    """Both modules compile the same sources with other flags: each has its own folder of objects."""

    def build_extension(self, ext: Pybind11Extension) -> None:
        shared = self.build_temp
        self.build_temp = os.path.join(shared, ext.name)
        try:
            super().build_extension(ext)
        finally:
            self.build_temp = shared


ParallelCompile("NPY_NUM_BUILD_JOBS", needs_recompile=needs_recompile).install()
parity_flags = [] if sys.platform == "win32" else ["-ffp-contract=off"]
setup(
    ext_modules=[
        extension("_native", [], []),
        extension("_native_parity", [("TFLM_TRAIN_PARITY", "1")], parity_flags),
    ],
    cmdclass={"build_ext": SeparateObjects},
)
