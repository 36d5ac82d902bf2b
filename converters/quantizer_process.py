"""TensorFlow's post-training quantisation, in a process of its own: on some files its C++ code ends the process.

``python -m tflm_train.converters.quantizer_process FOLDER``, where ``FOLDER`` holds ``float.tflite`` and
``samples.npy``; writes ``int8.tflite`` and ``outcome.json``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

MODEL, SAMPLES, RESULT, OUTCOME = "float.tflite", "samples.npy", "int8.tflite", "outcome.json"


def quantize_file(folder: Path) -> dict[str, Any]:
    """What is done with the files of a folder: ``version`` of TensorFlow; ``missing`` or ``refusal``, a reason."""
    try:
        import tensorflow
        from tensorflow.lite.python.convert import mlir_quantize
        from tensorflow.lite.python.optimize import calibrator
    except ImportError as error:
        return {"missing": str(error)}
    from .keras_load import reason

    samples = np.load(folder / SAMPLES)
    try:
        # what TFLiteConverter does with a Keras model, from where it has its float32 file on
        data = calibrator.add_intermediate_tensors((folder / MODEL).read_bytes())
        ranges = calibrator.Calibrator(data).calibrate(lambda: ([sample] for sample in samples))
        result = mlir_quantize(
            ranges,
            input_data_type=tensorflow.int8,
            output_data_type=tensorflow.int8,
            # TensorFlow Lite Micro before 2024-09-27 computes those with a scale for each channel wrongly, in silence
            disable_per_channel_for_dense_layers=True,
        )
    except Exception as error:  # TensorFlow raises many types
        return {"version": tensorflow.__version__, "refusal": reason(error)}
    (folder / RESULT).write_bytes(result)
    return {"version": tensorflow.__version__}


if __name__ == "__main__":
    target = Path(sys.argv[1])
    (target / OUTCOME).write_text(json.dumps(quantize_file(target)))
