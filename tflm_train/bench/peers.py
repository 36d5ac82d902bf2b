"""What other libraries take for the same networks on the same emulated board (Cortex-M4F, -O2)."""

from __future__ import annotations

from typing import NamedTuple


class Peer(NamedTuple):
    """A library's figures.

    Attributes
    ----------
    name : str
    instructions : int
        Of one training step.
    ram_bytes : int or None
        Weights, activations, errors and state; None where it was not measured.
    """

    name: str
    instructions: int
    ram_bytes: int | None


def _kilobytes(value: float) -> int:
    return round(value * 1024)


PEERS: dict[str, list[Peer]] = {
    "mlp": [
        Peer("PULP-TrainLib, dense", 92_000, None),
        Peer("AIfES, dense", 282_000, _kilobytes(28.1)),
        Peer("TinyProp's C code", 216_600, None),
    ],
    "cnn": [Peer("AIfES, dense", 13_360_000, _kilobytes(100.1))],
}
