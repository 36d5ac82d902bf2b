"""Tables and plots of the study, from its lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from tflm_train.converters.files import write_together

from tflm_train.bench.confidence import mean_and_interval

from .rows import Row
from .tasks import TASKS

REFERENCE = "dense"


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def markdown(columns: tuple[str, ...], lines: list[list[str]]) -> str:
    """The first column is words, the others are numbers."""
    head = [columns, ("---", *["---:"] * (len(columns) - 1))]
    return "\n".join(f"| {' | '.join(line)} |" for line in [*head, *lines])


class Results:
    """Runs of all methods, each compared with the dense run of its task and seed.

    Parameters
    ----------
    rows : list of Row
    """

    def __init__(self, rows: list[Row]) -> None:
        self._rows = {(r["task"], r["method"], r["seed"]): r for r in rows}
        self.methods = list(dict.fromkeys(r["method"] for r in rows))
        self.tasks = [name for name in TASKS if any(r["task"] == name for r in rows)]

    def pairs(self, method: str, task: str) -> list[tuple[Row, Row]]:
        """Runs of a method beside the dense ones."""
        seeds = sorted(seed for t, m, seed in self._rows if (t, m) == (task, method))
        found = [(self._rows[task, method, s], self._rows.get((task, REFERENCE, s))) for s in seeds]
        return [(mine, dense) for mine, dense in found if dense is not None]

    def differences(self, method: str, task: str) -> list[float]:
        """In points of accuracy."""
        return [100 * (mine["after"] - dense["after"]) for mine, dense in self.pairs(method, task)]

    def ratio(self, method: str, task: str) -> float:
        """Whole-run work of dense training without skipping / of the method."""
        return float(np.mean([mine["dense_work"] / mine["work"] for mine, _ in self.pairs(method, task)]))

    def skipping_ratio(self, method: str, task: str) -> float:
        """The same against dense training that skips exact zeros."""
        return float(np.mean([dense["work"] / mine["work"] for mine, dense in self.pairs(method, task)]))

    def backward_ratio(self, method: str, task: str) -> float:
        """All but the forward passes, of dense training without skipping / of the method."""
        return float(
            np.mean(
                [
                    (mine["dense_work"] - mine["dense_forward"]) / max(mine["work"] - mine["forward"], 1)
                    for mine, _ in self.pairs(method, task)
                ]
            )
        )

    def done(self, method: str) -> list[str]:
        """Tasks that a method has run."""
        return [task for task in self.tasks if self.pairs(method, task)]


METHOD_COLUMNS = (
    "method", "tasks", "dense / work", "dense with zero-skip / work", "backward alone", "accuracy", "worst task",
)  # fmt: skip
TASK_COLUMNS = ("task", "before", "dense", "auto", "difference", "dense / work", "dense with zero-skip / work")


def method_table(results: Results) -> str:
    """A line for each method: ratios are geometric means over tasks, accuracies differences to dense in points."""
    lines = []
    for method in results.methods:
        tasks = results.done(method)
        means = {task: float(np.mean(results.differences(method, task))) for task in tasks}
        worst = min(means, key=lambda task: means[task])
        lines.append(
            [
                method,
                str(len(tasks)),
                *(
                    f"{geometric_mean([ratio(method, task) for task in tasks]):.2f}"
                    for ratio in (results.ratio, results.skipping_ratio, results.backward_ratio)
                ),
                mean_and_interval(list(means.values()), 1) if method != REFERENCE else "0",
                f"{means[worst]:+.1f} ({worst})" if method != REFERENCE else "",
            ]
        )
    return markdown(METHOD_COLUMNS, lines)


def task_table(results: Results, method: str) -> str:
    """A line for each task of one method; accuracies in percent, means and 95 % intervals over seeds."""
    lines = []
    for task in results.done(method):
        pairs = results.pairs(method, task)
        lines.append(
            [
                task,
                f"{100 * np.mean([mine['before'] for mine, _ in pairs]):.1f}",
                mean_and_interval([100 * dense["after"] for _, dense in pairs], 1),
                mean_and_interval([100 * mine["after"] for mine, _ in pairs], 1),
                mean_and_interval(results.differences(method, task), 1),
                f"{results.ratio(method, task):.2f}",
                f"{results.skipping_ratio(method, task):.2f}",
            ]
        )
    return markdown(TASK_COLUMNS, lines)


def detail_table(results: Results) -> str:
    """Differences to dense in points and, behind the stroke, dense work / work, of all methods and tasks."""
    lines = []
    for method in results.methods:
        cells = [
            f"{np.mean(results.differences(method, task)):+.1f} / {results.ratio(method, task):.1f}"
            if results.pairs(method, task)
            else ""
            for task in results.tasks
        ]
        lines.append([method, *cells])
    return markdown(("method", *results.tasks), lines)


def plot(results: Results, path: Path) -> None:
    """Accuracy against whole-run work, a point for each method, means over tasks."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 5))
    for method in results.methods:
        tasks = results.done(method)
        work = 100 / geometric_mean([results.ratio(method, task) for task in tasks])
        lost = float(np.mean([np.mean(results.differences(method, task)) for task in tasks]))
        axes.plot(work, lost, "o", color="tab:red" if method == "auto" else "tab:blue")
        axes.annotate(method, (work, lost), xytext=(4, 4), textcoords="offset points", fontsize=8)
    axes.set_xlabel("work of the whole run, % of dense training without skipping")
    axes.set_ylabel("accuracy against dense training, points")
    axes.grid(alpha=0.3)
    figure.savefig(path, dpi=120, bbox_inches="tight")
    pyplot.close(figure)


def write_report(rows: list[Row], output: Path) -> None:
    """``report.md`` and ``efficacy.png``."""
    results = Results(rows)
    if not results.done(REFERENCE):
        return
    plot(results, output / "efficacy.png")
    parts = ["# Training methods compared", f"{len(rows)} runs.", method_table(results)]
    if "auto" in results.methods:
        parts += ["## recipe auto", task_table(results, "auto")]
    parts += ["## All", detail_table(results), "![accuracy against work](efficacy.png)"]
    write_together({output / "report.md": ("\n\n".join(parts) + "\n").encode()})
