"""The step that brings statistics of a layer's outputs back, in front of its activation function."""

from __future__ import annotations

from .spec import KernelSpec, Word

# behind the same layer without its activation, in its memory: class Alignment measures here and corrects
ALIGN_CHANNELS = KernelSpec(
    name="ALIGN_CHANNELS", number=90, forward="y!", backward="", words="activation statistics*", macs=None
)


def words(activation: int, channels: int) -> list[Word]:
    """Constants of the step, with room for the mean of each channel and then the deviation of each.

    Deviations of 0 stand for channels that stay as they are.
    """
    return [activation, *([0.0] * (2 * channels))]
