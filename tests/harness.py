"""One step of the device runtime next to TensorFlow's, for any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from tf_reference import TensorFlowModel, error_measure
from tflm_train.converters.convert import Result, convert
from tflm_train.converters.plan_format import ProgramKind

from tflm_train import _native, _native_parity
from tflm_train.config import TrainingConfig

MODULES = {"release": _native, "parity": _native_parity}


def arena_bytes(result: Result) -> int:
    """The arena that the native programs need."""
    return max(result.plan.arena_bytes(kind) for kind in (ProgramKind.INFER, ProgramKind.TRAIN))


def open_trainer(result: Result, build: str = "release", **options: Any) -> Any:
    """A trainer of the compiled library with exactly the planned arena."""
    trainer = MODULES[build].NativeTrainer(result.data, arena_bytes(result))
    if options:
        trainer.set_options(**options)
    return trainer


def one_label(label: Any) -> np.ndarray:
    """A batch of one label as the extension module takes it."""
    label = np.asarray(label)
    return label.reshape(1).astype(np.int32) if label.ndim == 0 else label.reshape(1, -1).astype(np.float32)


def train(trainer: Any, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Train on the samples in order; the losses."""
    x = np.ascontiguousarray(x.reshape(len(x), -1), np.float32)
    order = np.arange(len(x), dtype=np.uint32)
    losses, *_, done, status = trainer.train(x, labels, order)
    assert status == 0 and done == len(x), f"stopped at sample {done} with status {status}"
    return np.asarray(losses)


@dataclass
class GradientComparison:
    loss: float
    reference_loss: float
    errors: dict[str, float]  # per parameter, by the error measure

    @property
    def worst(self) -> float:
        return max(self.errors.values(), default=0.0)


def compare_gradients(
    model: Any, x: np.ndarray, label: Any, kind: str, build: str = "release", **config: Any
) -> GradientComparison:
    """Gradients of one sample (read from the accumulation buffers) against tf.GradientTape."""
    result = convert(model, TrainingConfig(accumulate=2, **config))
    trainer = open_trainer(result, build)
    loss = float(train(trainer, np.asarray(x)[None], one_label(label))[0])
    reference = TensorFlowModel(result.graph, result.layers)
    reference_loss, gradients = reference.gradients(x, label, kind)
    tensors = result.plan.parameters["tensor"].tolist()
    errors = {
        f"{result.graph.tensors[t].name}": error_measure(g, gradients[t].ravel())
        for t, g in zip(tensors, trainer.gradients())
    }
    return GradientComparison(loss, reference_loss, errors)
