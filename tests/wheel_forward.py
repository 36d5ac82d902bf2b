"""The forward pass of the genuine TensorFlow Lite Micro (``tflite-micro``), its weights changed while it runs."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from tflm_train.converters.plan_format import ForwardKind, Place, Plan, ProgramKind


class WheelForward:
    """Computes the operators of a plan's ``tflm`` program with the wheel.

    Parameters
    ----------
    data : bytes
        Augmented model. A private copy is changed in place by ``write_parameters``.
    plan : Plan
    """

    def __init__(self, data: bytes, plan: Plan) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self.data = bytes(bytearray(data))  # the interpreter goes on reading this very object
        self.interpreter = runtime.Interpreter.from_bytes(
            self.data, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
        )
        self.graph = schema.Model.GetRootAsModel(self.data, 0).Subgraphs(0)
        self.program = plan.program(ProgramKind.TRAIN, ForwardKind.TFLM)
        values = plan.values(self.program)
        self.offsets = {
            int(v["tensor"]): int(v["offset"]) for v in values if v["place"] == Place.ARENA and v["tensor"] >= 0
        }
        self.input_shape = tuple(self.interpreter.get_input_details(0)["shape"])
        self.memory: np.ndarray | None = None
        self.first_pass: dict[int, np.ndarray] = {}

    def __call__(self, first: int, last: int) -> None:
        """Write the outputs of operators ``first`` to ``last`` to the program's memory."""
        assert self.memory is not None
        if first == 0:
            size = int(np.prod(self.input_shape))
            offset = self.offsets[self.graph.Inputs(0)]
            kind = self.interpreter.get_input_details(0)["dtype"]
            x = self.memory[offset : offset + 4 * size].view(kind).reshape(self.input_shape)
            self.interpreter.reset()
            self.interpreter.set_input(x.copy(), 0)
            self.interpreter.invoke()
        for index in range(first, last + 1):
            operator = self.graph.Operators(index)
            for tensor in operator.OutputsAsNumpy().tolist():
                activation = self.tensor(tensor)
                self.first_pass.setdefault(tensor, activation.copy())
                if tensor not in self.offsets:  # known at conversion
                    continue
                raw = activation.view(np.uint8)
                self.memory[self.offsets[tensor] : self.offsets[tensor] + raw.size] = raw

    def tensor(self, index: int) -> np.ndarray:
        """Flat copy of a tensor as the last pass left it."""
        return np.array(self.interpreter.GetTensor(index, 0)["tensor_data"]).ravel()

    def write_parameters(self, parameters: list[tuple[int, Any]]) -> None:
        """Change the weights in the bytes that the interpreter reads."""
        model = schema.Model.GetRootAsModel(self.data, 0)
        begin = np.frombuffer(self.data, np.uint8).ctypes.data
        for tensor, values in parameters:
            buffer = model.Buffers(self.graph.Tensors(tensor).Buffer())
            weights = buffer.DataAsNumpy()
            source = np.ascontiguousarray(values, np.float32)
            assert weights.nbytes == source.nbytes
            assert begin <= weights.ctypes.data <= begin + len(self.data) - source.nbytes
            ctypes.memmove(weights.ctypes.data, source.ctypes.data, source.nbytes)
