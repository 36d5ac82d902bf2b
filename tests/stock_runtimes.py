"""Runs a ``.tflite`` in the runtimes that users have: ``python stock_runtimes.py RUNTIME MODEL X.npy OUT.npy``.

tflite-runtime and TensorFlow cannot share a process with each other, so those two run in a process of their own.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

RUNTIMES = ("litert", "tflite-micro", "tf.lite", "tflite-runtime")
_OWN_PROCESS = ("tf.lite", "tflite-runtime")


def _interpreter_outputs(interpreter, x: np.ndarray) -> np.ndarray:
    interpreter.allocate_tensors()
    detail = interpreter.get_input_details()[0]
    outputs = []
    for sample in x:
        interpreter.set_tensor(detail["index"], sample.reshape(detail["shape"]))
        interpreter.invoke()
        outputs.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"]).ravel().copy())
    return np.stack(outputs)


def _outputs(runtime: str, data: bytes, x: np.ndarray) -> np.ndarray:
    if runtime == "litert":
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        return _interpreter_outputs(
            Interpreter(model_content=data, experimental_op_resolver_type=OpResolverType.BUILTIN_REF), x
        )
    if runtime == "tflite-micro":
        from tflite_micro.python.tflite_micro import runtime as micro

        interpreter = micro.Interpreter.from_bytes(data)
        shape = interpreter.get_input_details(0)["shape"]
        outputs = []
        for sample in x:
            interpreter.set_input(sample.reshape(shape), 0)
            interpreter.invoke()
            outputs.append(np.array(interpreter.get_output(0)).ravel())
        return np.stack(outputs)
    if runtime == "tf.lite":
        import tensorflow as tf

        return _interpreter_outputs(tf.lite.Interpreter(model_content=data), x)
    from tflite_runtime.interpreter import Interpreter as RuntimeInterpreter

    return _interpreter_outputs(RuntimeInterpreter(model_content=data), x)


def run(runtime: str, data: bytes, x: np.ndarray) -> np.ndarray:
    """Outputs [n, outputs] for inputs [n, ...]; skips the test where a runtime has no wheel for this Python."""
    if runtime == "tflite-runtime" and sys.version_info >= (3, 12):
        pytest.skip(f"tflite-runtime has no wheel for Python {sys.version_info.major}.{sys.version_info.minor}")
    if runtime not in _OWN_PROCESS:
        return _outputs(runtime, data, x)
    with tempfile.TemporaryDirectory() as folder:
        model, inputs, outputs = (Path(folder) / name for name in ("model.tflite", "x.npy", "y.npy"))
        model.write_bytes(data)
        np.save(inputs, x)
        command = [sys.executable, __file__, runtime, str(model), str(inputs), str(outputs)]
        subprocess.run(command, check=True, capture_output=True)
        return np.load(outputs)


if __name__ == "__main__":
    np.save(sys.argv[4], _outputs(sys.argv[1], Path(sys.argv[2]).read_bytes(), np.load(sys.argv[3])))
