"""The demo's picture: what shifted, and what training cost and brought."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..converters.files import write_atomically
from ..converters.install_hint import install_command
from ..errors import MissingToolError
from .digits import BRIGHTNESS, ROTATION, Digits

if TYPE_CHECKING:
    from .run import Run

DIGITS_SHOWN = 10
COLORS = {"dense": "#4c72b0", "tinyprop": "#dd8452"}
LABELS = {"dense": "dense SGD", "tinyprop": "TinyProp"}


def draw(path: Path, data: Digits, runs: "list[Run]", clean_accuracy: float) -> None:
    """Write the picture as PNG.

    Parameters
    ----------
    path : Path
    data : Digits
    runs : list of Run
    clean_accuracy : float
        Of the untrained-on-device model on unshifted test digits.

    Raises
    ------
    MissingToolError
        matplotlib is not installed.
    UserError
        The path cannot be written.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError:
        raise MissingToolError("the demo needs matplotlib: " + install_command("demo")) from None
    figure = Figure(figsize=(9, 6.5), layout="constrained")
    FigureCanvasAgg(figure)
    parts: Any = figure.subfigures(2, 1, height_ratios=(1, 2.6))
    top, bottom = parts
    _draw_digits(top, data)
    axes = bottom.subplots()
    _draw_runs(axes, runs, clean_accuracy)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=150)
    write_atomically(path, picture.getvalue())


def _draw_digits(figure: Any, data: Digits) -> None:
    grid = figure.subplots(2, DIGITS_SHOWN)
    for row, images in zip(grid, (data.clean_test, data.x_test)):
        for axes, image in zip(row, images):
            axes.imshow(image[:, :, 0], cmap="gray", vmin=0, vmax=1)
            axes.set_xticks([])
            axes.set_yticks([])
    titles = ("trained on", f"met: rotated {ROTATION:.0f}°,\ndimmed to {100 * BRIGHTNESS:.0f} %")
    for row, title in zip(grid, titles):
        row[0].set_ylabel(title, rotation=0, ha="right", va="center", fontsize=9)


def _draw_runs(axes: Any, runs: "list[Run]", clean_accuracy: float) -> None:
    for run in runs:
        millions = [work / 1e6 for work in run.work]
        accuracy = [100 * a for a in run.accuracy]
        axes.plot(
            millions,
            accuracy,
            "o-",
            ms=4,
            color=COLORS[run.selector],
            label=f"{LABELS[run.selector]}, {accuracy[-1]:.1f} %",
        )
    noskip = sum(runs[0].dense_macs.values()) / 1e6
    accuracy = [100 * a for a in runs[0].accuracy]
    steps = [noskip * i / (len(accuracy) - 1) for i in range(len(accuracy))]
    axes.plot(steps, accuracy, ":", color="#888888", label="dense SGD without zero-skip (same weights)")
    axes.axhline(
        100 * clean_accuracy, ls="--", lw=1, color="#55a868", label=f"clean digits, {100 * clean_accuracy:.1f} %"
    )
    axes.set_xlabel("work of training on the device, millions of operations (a dot per epoch)")
    axes.set_ylabel("accuracy on shifted test digits, %")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
