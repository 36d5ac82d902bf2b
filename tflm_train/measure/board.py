"""An emulated board whose steps are counted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ..devices import build, qemu
from ..devices.device import StepLog
from ..devices.process import ProcessTransport
from ..devices.protocol import Link
from ..devices.remote import RemoteDevice
from ..model import TrainableModel
from .block_counts import plugin_arguments
from .disassembly import Disassembly, disassemble

ANSWER_SECONDS = 120.0


class MeasuredDevice(RemoteDevice):
    """An emulated board that tells of its progress.

    Parameters
    ----------
    link, model, name
        See ``RemoteDevice``.
    advance : callable
        Told of finished steps.
    from_cut : bool
        See ``RemoteDevice``.
    """

    def __init__(
        self, link: Link, model: TrainableModel, name: str, advance: Callable[[int], None], from_cut: bool = False
    ) -> None:
        super().__init__(link, model, name, from_cut=from_cut)
        self._advance = advance

    def train(self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, weights: np.ndarray | None = None) -> StepLog:
        log = super().train(x, labels, order, weights)
        self._advance(log.done)
        return log


def phases(counts: dict[str, int], steps: int) -> dict[str, int]:
    """Means by phase, and as ``total`` their sum."""
    means = {phase: round(count / steps) for phase, count in counts.items() if phase != "total"}
    return means | {"total": sum(means.values())}


def open_board(
    board: str,
    variant: str,
    model: TrainableModel,
    *,
    plugin: Path | None,
    counts: Path,
    steps: int,
    advance: Callable[[int], None],
    from_cut: bool = False,
) -> tuple[MeasuredDevice, Disassembly]:
    """Start a board whose firmware does not count work: its instructions are those of the training alone.

    Parameters
    ----------
    board, variant : str
        Keys of ``devices.build.BOARDS`` and ``BUILDS``.
    model : TrainableModel
    plugin : Path or None
        Of ``block_counts.build_plugin``.
    advance : callable
        Told of finished steps.
    counts : Path
        Where the plugin writes how often each block ran, when the device is closed.
    steps : int
        The plugin counts the first ones.
    from_cut : bool
        See ``RemoteDevice``.
    """
    firmware = build.emulated_firmware(board, variant, count_work=False)
    listing = disassemble(firmware)
    command = qemu.command(board, firmware)
    if plugin is not None:
        command += plugin_arguments(plugin, counts, listing, steps)
    name = f"qemu:{board}"
    link = Link(ProcessTransport(command), name, ANSWER_SECONDS)
    return MeasuredDevice(link, model, name, advance, from_cut), listing
