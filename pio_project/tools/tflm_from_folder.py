"""Takes TensorFlow Lite Micro from the folder TFLM_DIR (root of its headers) and the library TFLM_LIB.

TFLM_FLAGS are the definitions that the library was built with (``-DTF_LITE_STATIC_MEMORY``).
"""

import os
import sys
from pathlib import Path

Import("env")  # noqa: F821  (SCons)

if not (os.environ.get("TFLM_DIR") and os.environ.get("TFLM_LIB")):
    sys.stderr.write(
        "skipped: TFLM_DIR (root of TensorFlow Lite Micro's headers) and TFLM_LIB (its library) are not set\n"
    )
    env.Exit(0)  # noqa: F821

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
