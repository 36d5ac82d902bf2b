"""Where the frozen body of a model ends and the head that trains begins: at one tensor, from which all of the head is
computed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .errors import ConversionError
from .graph import Graph
from .layer_names import layer_names, named_operator
from .macs import operator_macs
from .operators import PARAMETER_OPERATORS, why_not_forward

MOST_WORK_BEHIND = 0.5  # part of a forward pass that is worth to be done again for each replayed activation


@dataclass(frozen=True)
class Cut:
    """
    Attributes
    ----------
    tensor : int
        Last tensor of the body, first one of the head.
    first_operator : int
        Of the head: the one behind the operator that computes the tensor.
    external : bool
        An operator of the body is none of the library's own: TensorFlow Lite Micro runs the body.
    """

    tensor: int
    first_operator: int
    external: bool


def external_operators(graph: Graph) -> list[int]:
    """Operators that the library itself cannot run."""
    return [op.index for op in graph.operators if why_not_forward(graph, op)]


class Crossings:
    """Which computed tensors an execution hands over at each position, from the operators in front of it to those
    behind."""

    def __init__(self, graph: Graph) -> None:
        end = len(graph.operators)
        made = dict.fromkeys(graph.inputs, 0)
        last: dict[int, int] = {}
        for op in graph.operators:
            if op.index in graph.folded:
                continue
            for t in op.inputs:
                if t in made:
                    last[t] = op.index
            made.update(dict.fromkeys(op.outputs, op.index + 1))
        last.update({t: end for t in graph.outputs if t in made})
        # differences: a tensor crosses all positions from the one behind its operator to its last reader
        counts, sums = [0] * (end + 2), [0] * (end + 2)
        for t, reader in last.items():
            for table, amount in ((counts, 1), (sums, t)):
                table[made[t]] += amount
                table[reader + 1] -= amount
        for table in (counts, sums):
            for position in range(1, len(table)):
                table[position] += table[position - 1]
        self._counts, self._sums, self._made, self._last = counts, sums, made, last

    def only(self, position: int) -> int | None:
        """The tensor that crosses in front of an operator, None if there are several or none."""
        return self._sums[position] if self._counts[position] == 1 else None

    def all(self, position: int) -> list[int]:
        """All that cross in front of an operator."""
        return [t for t, reader in self._last.items() if self._made[t] <= position <= reader]

    def behind(self, tensor: int) -> int:
        """The position behind the operator that computes a tensor."""
        return self._made[tensor]


def named_cut(graph: Graph, word: str | int) -> Cut:
    """The cut that a user names.

    Parameters
    ----------
    graph : Graph
    word : str or int
        Name of a layer or tensor, or index of an operator: the cut is its output.

    Raises
    ------
    ConversionError
        There is no such layer or tensor, or the head needs more than this tensor.
    """
    names = layer_names(graph)
    index = named_operator(graph, word, [op.index for op in graph.operators if op.outputs])
    tensor = None if index is None else next(iter(graph.operators[index].outputs), None)
    if tensor is None:
        tensor = next((t.index for t in graph.tensors if t.name == word and t.index in graph.producers), None)
    if tensor is None:
        inputs = [graph.tensors[t].name for t in graph.inputs]
        reason = (
            "is the model's input, in front of which there is nothing" if word in inputs else "is no layer or tensor"
        )
        raise ConversionError(f"--cut {word}: it {reason} of {graph.name}; `tflm-train inspect` lists the layers")
    crossings = Crossings(graph)
    first = crossings.behind(tensor)
    across = crossings.all(first)
    if across != [tensor]:
        others = [t for t in across if t != tensor]
        other = graph.tensors[others[0]].name if others else "nothing"
        reader = next((names[op.index] for op in graph.operators[first:] if others and others[0] in op.inputs), "")
        what = f"layer {reader} behind it reads {other!r} too" if others else "nothing behind it reads its output"
        raise ConversionError(
            f"--cut {word}: {what}, and the head can be computed from one tensor only; cut where all paths have joined"
        )
    _refuse_other_types(graph, tensor, f"--cut {word}")
    external = external_operators(graph)
    behind = [graph.operators[i] for i in external if i >= first]
    if behind:
        raise ConversionError(
            f"--cut {word}: layer {names[behind[-1].index]} behind it cannot run in the device runtime: "
            f"{why_not_forward(graph, behind[-1])}; cut behind it"
        )
    return Cut(tensor, first, bool(external))


def _refuse_other_types(graph: Graph, tensor: int, subject: str) -> None:
    found = graph.tensors[tensor]
    if found.dtype != "float32":
        raise ConversionError(
            f"{subject}: its output {found.name!r} is {found.dtype}, and the head takes float32 numbers; cut behind a "
            "DEQUANTIZE"
        )


def replay_cut(graph: Graph, trained: Collection[int]) -> Cut:
    """Where activations are kept: the narrowest place in front of the later half of the trained layers, the last of
    equals, with a layer that has parameters in front of it. Where more than half of a forward pass lies behind all such
    places, too little would be saved: the next ones count.

    Raises
    ------
    ConversionError
        There is no place where all paths have joined in one float32 tensor.
    """
    half = sorted(trained)[len(trained) // 2 :]
    work = [operator_macs(graph, op) for op in graph.operators]
    first_layer = min(op.index for op in graph.operators if op.type in PARAMETER_OPERATORS)
    crossings = Crossings(graph)
    widths = {
        position: graph.tensors[tensor].elements
        for position in range(first_layer + 1, half[-1] + 1)
        if (tensor := crossings.only(position)) is not None
        and graph.tensors[tensor].dtype == "float32"
        and crossings.behind(tensor) == position
    }
    if not widths:
        raise ConversionError(
            f"{graph.name}: replay latent (--replay) keeps one float32 tensor for each sample, and between layer "
            f"{layer_names(graph)[first_layer]} and layer {layer_names(graph)[half[-1]]} there is none in which all "
            "paths have joined; name one with --cut, or leave it out"
        )
    saving = [p for p in widths if sum(work[p:]) <= MOST_WORK_BEHIND * sum(work)]
    last = next((layer for layer in half if any(p <= layer for p in saving)), half[0])
    places = [p for p in saving if p <= last] or [p for p in widths if p <= last] or list(widths)
    position = min(places, key=lambda p: (widths[p], -p))
    tensor = crossings.only(position)
    assert tensor is not None
    return Cut(tensor, position, False)


def automatic_cut(graph: Graph, trained: Collection[int]) -> Cut | None:
    """The last place in front of the trained layers and behind all that the library cannot run itself, None if there is
    no such place."""
    external, first_trained = external_operators(graph), min(trained)
    crossings = Crossings(graph)
    for position in range(first_trained, max(external, default=-1), -1):
        tensor = crossings.only(position)
        if tensor is None or graph.tensors[tensor].dtype != "float32":
            continue
        first = crossings.behind(tensor)
        if first > max(external, default=-1) and crossings.only(first) == tensor and first > 0:
            return Cut(tensor, first, bool(external))
    return None
