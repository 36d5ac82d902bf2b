"""Gives an environment the TensorFlow Lite Micro that its user has.

A native one takes the folder TFLM_DIR (root of its headers) and the library TFLM_LIB; TFLM_FLAGS are the definitions
that the library was built with (``-DTF_LITE_STATIC_MEMORY``). A board takes TFLM_LIBRARY, which platformio.ini lists in
lib_deps.
"""

import os
import sys
from pathlib import Path

Import("env")  # noqa: F821  (SCons)


def require(variables: dict[str, str]) -> None:
    """End without an error, and say why, where a variable is missing."""
    if not all(os.environ.get(name) for name in variables):
        names = " and ".join(f"{name} ({what})" for name, what in variables.items())
        sys.stderr.write(f"skipped, as these variables are not set: {names}\n")
        env.Exit(0)  # noqa: F821


def use_built_library() -> None:
    """Headers of TFLM_DIR, code of TFLM_LIB."""
    root = Path(os.environ["TFLM_DIR"]).resolve()
    folders = [root]
    for third_party in (root / "third_party", root / "tensorflow/lite/micro/tools/make/downloads"):
        folders += [third_party / name for name in ("flatbuffers/include", "gemmlowp", "ruy")]
    flags = [f"-isystem{folder}" for folder in folders if folder.is_dir()] + os.environ.get("TFLM_FLAGS", "").split()
    env.Append(  # noqa: F821
        CCFLAGS=flags,
        CXXFLAGS=os.environ.get("TFLM_RTTI", "-fno-rtti").split(),
        _LIBFLAGS=f" {Path(os.environ['TFLM_LIB']).resolve()}",
    )


if env["PIOPLATFORM"] == "native":  # noqa: F821
    require({"TFLM_DIR": "root of TensorFlow Lite Micro's headers", "TFLM_LIB": "its library"})
    use_built_library()
else:
    require({"TFLM_LIBRARY": "TensorFlow Lite Micro, as lib_deps names a library"})
