"""Classes that a model has outputs for and that nobody has taught it yet."""

from __future__ import annotations

import numpy as np

from .converters.graph import Graph
from .converters.plan_format import Plan
from .converters.spare_classes import are_silent
from .errors import PlanOptionError, UserError
from .losses import are_classes

SPARE_BY_DEFAULT = 1  # in the command that a message names


def spare_range(plan: Plan) -> range:
    """The classes that were silent at conversion, empty where none were."""
    classes = int(plan.defaults["classes"])
    return range(classes - int(plan.defaults["spare_classes"]), classes)


def bias_tensor(plan: Plan) -> int:
    """The tensor in the ``.tflite`` that says which classes are silent, of a plan with spare classes."""
    return int(plan.parameters["tensor"][int(plan.layers["bias"][int(plan.defaults["spare_layer"])])])


def untaught_classes(plan: Plan, bias: np.ndarray | None) -> tuple[int, ...]:
    """Those that are silent, by the values of the bias tensor; none in a plan without spare classes."""
    if bias is None or not spare_range(plan):
        return ()
    return tuple(np.flatnonzero(are_silent(np.asarray(bias))).tolist())


def untaught_in_file(plan: Plan | None, graph: Graph) -> tuple[int, ...]:
    """The same of a file; none without a plan, which says that there may be some."""
    if plan is None or not spare_range(plan):
        return ()
    return untaught_classes(plan, graph.tensors[bias_tensor(plan)].data)


def of_classes(labels: np.ndarray, classes: tuple[int, ...], outputs: int) -> np.ndarray:
    """Which samples are of some classes, all or a part of them: bool [n].

    Parameters
    ----------
    labels : ndarray
        Class numbers [n] or vectors [n, outputs], as ``Objective.check`` gives them.
    """
    if are_classes(labels):
        return np.isin(labels, classes)
    return np.asarray((labels.reshape(len(labels), outputs)[:, list(classes)] != 0).any(axis=1))


def refuse_untaught(labels: np.ndarray, classes: tuple[int, ...], outputs: int, name: str) -> None:
    """Raises ``UserError`` where a sample is of a class that is not taught yet."""
    first = np.flatnonzero(of_classes(labels, classes, outputs))
    if not len(first):
        return
    listed = ", ".join(map(str, classes))
    raise UserError(
        f"{name}[{first[0]}] is of a class that has not been taught (untaught: {listed}): the first samples of a class "
        "set its weights, trainer.teach(x, y) or `tflm-train teach`; then it trains as the others do"
    )


def untaught_sentence(count: int, samples: int, name: str = "y") -> str:
    """On samples that are evaluated."""
    return (
        f"{count:,} of {samples:,} samples of {name} are of classes that have not been taught: they count as wrong, "
        "and the loss leaves them out"
    )


def refuse_all_untaught(name: str = "y") -> UserError:
    return UserError(f"all samples of {name} are of classes that have not been taught: teach them first")


def check_spare(plan: Plan) -> None:
    """Raises ``PlanOptionError`` where a plan has no spare classes."""
    if not spare_range(plan):
        raise PlanOptionError(
            "the model has no outputs for new classes (--spare-classes)", spare_classes=SPARE_BY_DEFAULT
        )


def check_teachable(plan: Plan, labels: np.ndarray, untaught: tuple[int, ...], name: str = "y") -> None:
    """Raises ``UserError`` where a label is none of the spare classes of a plan that has some."""
    spare = spare_range(plan)
    if labels.ndim != 1 or not are_classes(labels):
        raise UserError(f"{name} must hold class numbers, one for each sample, to teach new classes")
    known = np.flatnonzero(labels < spare.start)
    if len(known):
        listed = f"untaught: {', '.join(map(str, untaught))}" if untaught else "all are taught"
        raise UserError(
            f"{name}[{known[0]}] is {labels[known[0]]}, a class that the model knows ({listed}): leave its samples out "
            "here, and train them with fit"
        )


def counts(labels: np.ndarray) -> dict[int, int]:
    """Samples of each class."""
    found, numbers = np.unique(labels, return_counts=True)
    return dict(zip(found.tolist(), numbers.tolist()))
