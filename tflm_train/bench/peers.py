"""What other libraries take for the same networks on the same emulated board (Cortex-M4F)."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """A library's figures for one training step: SGD, batch 1.

    Attributes
    ----------
    name, version : str
    command : str
        How it was compiled and run.
    instructions : int
        Exact.
    cycles_model : int or None
        By the cycle model of this package; None where it was not measured.
    ram_bytes : int
        Parameters, gradients, activations and state.
    """

    name: str
    version: str
    command: str
    instructions: int
    cycles_model: int | None
    ram_bytes: int


COMMAND = "arm-none-eabi-g++ 12.2 -O2; qemu-system-arm 7.2 -icount"
PULP_BRANCH = "branch stm32, no biases"
TINYPROP_VERSION = "its authors' C code on AIfES"

PEERS: dict[str, list[Peer]] = {
    "mlp": [
        Peer("PULP-TrainLib", f"{PULP_BRANCH}, its default matrix product", COMMAND, 92_000, None, 9_472 + 10_400),
        Peer("PULP-TrainLib", f"{PULP_BRANCH}, best of 15 products", COMMAND, 77_700, 120_700, 9_472 + 10_400),
        Peer("AIfES", "2.2", COMMAND, 282_300, 447_000, 9_640 + 18_504),
        Peer("TinyProp, dense", TINYPROP_VERSION, COMMAND, 259_600, None, 9_640 + 10_312),
        Peer("TinyProp", TINYPROP_VERSION, COMMAND, 216_600, 334_000, 9_640 + 10_312),
    ],
    "cnn": [Peer("AIfES", "2.2", COMMAND, 13_360_000, 24_900_000, 17_064 + 83_120)],
}
