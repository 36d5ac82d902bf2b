"""Emulated Cortex-M boards: QEMU as a child process, the agent firmware inside."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from ..errors import MissingToolError, UserError
from ..model import TrainableModel
from . import build
from .process import ProcessTransport
from .protocol import Link
from .remote import RemoteDevice

QEMU = "qemu-system-arm"


def board_names() -> list[str]:
    """What may follow ``qemu:``; ``-portable`` or ``-parity`` may be added to each."""
    return list(build.BOARDS)


def parse(name: str) -> tuple[str, str]:
    """Board and build of a device name.

    Raises
    ------
    UserError
        There is no such board or build.
    """
    board, _, variant = name.removeprefix("qemu:").partition("-")
    variant = variant or "tuned"
    if board not in build.BOARDS or variant not in build.BUILDS:
        names = ", ".join(f"qemu:{b}" for b in build.BOARDS)
        raise UserError(f"there is no device {name!r}; there are {names}, each also with -portable or -parity")
    return board, variant


def command(board: str, firmware: Path, uart: bool = False, argument: str = "agent") -> list[str]:
    """How QEMU is started. `uart`: frames travel over the board's UART, else through semihosting. `argument`: a word
    that the program can ask for.

    Raises
    ------
    MissingToolError
        QEMU is not installed.
    """
    if shutil.which(QEMU) is None:
        raise MissingToolError(f"emulated devices need {QEMU}: apt-get install qemu-system-arm")
    target = build.target_module()
    description = target.load_board(build.BOARDS[board])
    serial, argument = ("stdio", "uart") if uart else ("none", argument)
    arguments = target.qemu_arguments(description, serial=serial, argument=argument)
    return [QEMU, *arguments, "-kernel", os.fspath(firmware)]


class QemuDevice(RemoteDevice):
    """See ``Device``.

    Parameters
    ----------
    name : str
        ``qemu:m4`` and the like.
    model : TrainableModel
    arena_bytes : int, optional
    from_cut : bool
        See ``open_device``.
    uart : bool
        Use the board's UART: the way of a real board, some hundred times slower.
    count_work : bool
        Count multiplications and the like too; False for exact instruction counts of the training alone.
    answer_seconds : float
        How long one command may take.
    """

    def __init__(
        self,
        name: str,
        model: TrainableModel,
        arena_bytes: int | None = None,
        from_cut: bool = False,
        *,
        uart: bool = False,
        count_work: bool = True,
        answer_seconds: float = 120.0,
    ) -> None:
        self.board, self.build = parse(name)
        self.firmware_file = build.emulated_firmware(self.board, self.build, count_work)
        transport = ProcessTransport(command(self.board, self.firmware_file, uart), lossless=True)
        self.pid = transport.pid
        super().__init__(Link(transport, name, answer_seconds), model, name, arena_bytes, from_cut)
