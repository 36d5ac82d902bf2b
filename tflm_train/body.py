"""The frozen body of a model, in front of its plan's cut, computed by ai-edge-litert on this computer."""

from __future__ import annotations

import numpy as np

from .converters import flatbuffer, model_writer
from .converters.errors import UserError
from .errors import NonFiniteError
from .input_type import InputType
from .model import TrainableModel
from .runtimes import litert


def body_file(data: bytes, name: str, tensor: int, operators: int) -> bytes:
    """The first operators of a model as a model of their own, whose output is one of their tensors.

    Parameters
    ----------
    data : bytes
        A ``.tflite``.
    name : str
        For messages.
    tensor : int
    operators : int
        How many.
    """
    model = flatbuffer.load(model_writer.strip_plan(data), name)
    graph = model.subgraphs[0]
    graph.operators, graph.outputs = list(graph.operators)[:operators], [tensor]
    model.signatureDefs = None  # they name outputs that are no more
    return flatbuffer.dump(model)


class FrozenBody:
    """Activations at a plan's cut.

    Parameters
    ----------
    model : TrainableModel
        With a cut.

    Raises
    ------
    MissingToolError
        ai-edge-litert is not installed.
    UserError
        It cannot run the body.
    """

    def __init__(self, model: TrainableModel) -> None:
        assert model.plan.cut is not None
        self._name = model.name
        self.input = InputType.of_file(model.data, model.name)
        try:
            self._infer = litert(body_file(model.data, model.name, *model.plan.cut))
        except UserError as error:
            raise UserError(
                f"{model.name}: what lies in front of the cut cannot be computed on this computer ({error}); give "
                "activations at the cut instead (Trainer(..., from_cut=True)), or train inside TensorFlow Lite Micro"
            ) from None

    def __call__(self, x: np.ndarray, raw: bool = False) -> np.ndarray:
        """Activations float32 [n, elements at the cut].

        Parameters
        ----------
        x : ndarray, float32 [n, inputs]
        raw : bool
            See ``InputType.is_raw``.

        Raises
        ------
        UserError
            The samples do not fit the input's type.
        NonFiniteError
            An activation is NaN or infinite.
        """
        found = np.stack([self._infer(sample).reshape(-1) for sample in self.input.stored(x, raw)])
        if not np.isfinite(found).all():
            raise NonFiniteError(f"{self._name}: activations at the cut are NaN or infinite")
        return np.ascontiguousarray(found, np.float32)
