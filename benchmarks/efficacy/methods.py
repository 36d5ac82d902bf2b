"""The training methods: options of ``TrainingConfig``, by the name that tables show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tflm_train as tt
from tflm_train.inspection import inspect_report

from .tasks import Task


def _last_block(model: bytes) -> dict[str, Any]:
    """Gradient filtering in the last two convolutions, or the only later one."""
    layers = [op["name"] for op in inspect_report(model)["operators"] if op["type"].endswith("CONV_2D")]
    return {"gradient": ",".join(f"{name}=filter:2" for name in layers[1:][-2:])} if layers[1:] else {}


def _everywhere(model: bytes) -> dict[str, Any]:
    layers = [op for op in inspect_report(model)["operators"] if op["type"].endswith("CONV_2D")]
    return {"gradient": "filter:2"} if layers else {}


@dataclass(frozen=True)
class Method:
    """
    Attributes
    ----------
    name : str
    options : dict
        Of ``TrainingConfig``.
    of_model : callable or None
        Options that depend on the model (a file's bytes): empty where it has nothing to apply the method to.
    finds_rate : bool
        Its learning rate is found by itself and not tried beforehand.
    keeps : bool
        It keeps activations: a slot for each sample.
    decades : tuple of float
        Powers of ten, times the task's, that are tried as its learning rate.
    """

    name: str
    options: dict[str, Any]
    of_model: Callable[[bytes], dict[str, Any]] | None = None
    finds_rate: bool = False
    keeps: bool = False
    decades: tuple[float, ...] = (-0.5, 0.0, 0.5)

    def rates(self, task: Task) -> list[float]:
        """Learning rates that are tried for a task."""
        return [] if self.finds_rate else [float(f"{task.learning_rate * 10**d:.2g}") for d in self.decades]

    def config(self, task: Task, model: bytes, learning_rate: float) -> tt.TrainingConfig | None:
        """For a task; None where the method has nothing to do in it."""
        found = {} if self.of_model is None else self.of_model(model)
        if self.of_model is not None and not found:
            return None
        slots = {"slots": task.samples} if self.keeps else {}
        rate = {} if self.finds_rate else {"learning_rate": learning_rate}
        return tt.TrainingConfig(**{**self.options, **found, **slots, **rate})


METHODS = {
    method.name: method
    for method in (
        Method("dense", {}),
        Method("TinyProp", {"selector": "tinyprop"}),
        Method("TinyProp, as published", vars(tt.TrainingConfig.paper())),
        Method("static top-k, 10 %", {"selector": "static-topk", "ratio": 0.1}),
        Method("error-map pruning, 30 %", {"selector": "error-map", "ratio": 0.3}),
        Method("TinyPropv2", {"selector": "tinyprop", "gate": "tinypropv2"}),
        Method("gate 1 - p", {"gate": "loss"}),
        Method("gradient filtering, last block", {}, _last_block),
        Method("gradient filtering, all layers", {}, _everywhere),
        Method("biases only", {"layers": "bias"}, decades=(0.0, 0.5, 1.0)),
        Method("last layer only", {"layers": "last:1"}, decades=(0.0, 0.5, 1.0)),
        Method("remembered loss", {"schedule": "remembered-loss"}),
        Method("latent replay", {"replay": "latent"}, keeps=True),
        Method("latent replay, remembered loss", {"replay": "latent", "schedule": "remembered-loss"}, keeps=True),
        Method("auto", {"recipe": "auto"}, finds_rate=True, keeps=True),
    )
}
