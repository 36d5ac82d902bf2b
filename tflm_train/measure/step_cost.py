"""What a training step costs on an emulated board, measured on the first steps of a run of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import NonFiniteError
from ..model import TrainableModel
from .block_counts import PluginFolder, read_cost
from .board import open_board, phases
from .footprint import footprint

INSTRUCTION_BUDGET = 100_000_000  # of the measured steps together: some seconds of emulation


@dataclass(frozen=True)
class StepCost:
    """Means over the measured steps.

    Attributes
    ----------
    instructions : dict
        By phase, and ``total``. Nothing is executed to count multiplications, as in firmware for use.
    steps : int
        That were measured: the first ones, from the model's own weights.
    cycles_model : int or None
        Modelled cycles of a Cortex-M4 (docs/benchmarks.md).
    cycles_model_reason : str or None
        Why there are none.
    ram_bytes : int
        Arena and ``Trainer`` object.
    flash_bytes : int
        Code and constants of the library in a firmware that trains this model.
    """

    instructions: dict[str, int]
    steps: int
    cycles_model: int | None
    cycles_model_reason: str | None
    ram_bytes: int
    flash_bytes: int


def measure_steps(
    board: str,
    variant: str,
    model: TrainableModel,
    x: np.ndarray,
    labels: np.ndarray,
    options: dict[str, Any],
    advance: Callable[[int], None] = lambda steps: None,
    from_cut: bool = False,
) -> StepCost:
    """Train on a board of its own until all samples or ``INSTRUCTION_BUDGET`` are used.

    Parameters
    ----------
    board, variant : str
        Keys of ``devices.build.BOARDS`` and ``BUILDS``.
    model : TrainableModel
    x : ndarray, float32 [n, inputs]
    labels : ndarray, int32 [n] or [n, rows], or float32 [n, outputs]
    options : dict
        All training options.
    advance : callable
        Told of finished steps.
    from_cut : bool
        ``x`` holds activations at the plan's cut.

    Raises
    ------
    MissingToolError
        A tool is not installed.
    NonFiniteError
        The first sample gives NaN or infinity.
    DeviceError
        The board is gone, and the like.
    """
    plugins = PluginFolder()
    with plugins as (folder, plugin):
        counts = folder / "counts"
        device, listing = open_board(
            board, variant, model, plugin=plugin, counts=counts, steps=len(x), advance=advance, from_cut=from_cut
        )
        try:
            device.set_options(**options)
            order = np.arange(len(x), dtype=np.uint32)
            if device.train(x, labels, order[:1]).done:
                affordable = INSTRUCTION_BUDGET // device.instructions()[0]["total"]
                device.train(x, labels, order[1 : max(1, affordable)])
            spent, steps = device.instructions()
        finally:
            device.close()
        if not steps:
            raise NonFiniteError(f"{model.name}: the first step gives NaN or infinity, so it cannot be measured")
        executed = None if plugin is None else read_cost(counts, listing)
        return StepCost(
            instructions=phases(spent, steps),
            steps=steps,
            cycles_model=None if executed is None else round(executed.cycles / steps),
            cycles_model_reason=plugins.reason,
            ram_bytes=device.arena_bytes + device.trainer_bytes,
            flash_bytes=footprint(model.plan, board, variant, folder).library,
        )
