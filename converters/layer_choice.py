"""The words of ``TrainingConfig.layers``, and which layers they name."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import ConversionError
from .graph import Graph
from .layer_names import is_number, layer_names, named_operator
from .operators import OPERATORS, PARAMETER_OPERATORS

BIAS = "bias"


def parameter_operators(graph: Graph) -> list[int]:
    """Operators with parameters, in execution order."""
    return [op.index for op in graph.operators if op.type in PARAMETER_OPERATORS and op.index not in graph.folded]


def _did_you_mean(item: str, names: list[str], candidates: list[int]) -> str:
    known = {part for i in candidates for part in (names[i], names[i].split("/")[0])}
    close = difflib.get_close_matches(item, sorted(known), 1)
    return f"; did you mean {close[0]}?" if close else ""


@dataclass(frozen=True)
class LayerChoice:
    """Operators that train whole, and those of which only the bias does."""

    whole: frozenset[int] = frozenset()
    only_bias: frozenset[int] = frozenset()


def layers_with_bias(graph: Graph, all_may: bool = False) -> frozenset[int]:
    """Operators with parameters that have a bias; or with ``all_may`` those that could have one."""
    found = (graph.operators[i] for i in parameter_operators(graph))
    able = [op for op in found if "b" in OPERATORS[op.type].parameters]
    return frozenset(op.index for op in able if all_may or op.input(OPERATORS[op.type].position("b")) >= 0)


class LayerParser:
    """Reads ``TrainingConfig.layers``.

    Parameters
    ----------
    graph : Graph
    with_bias : frozenset of int
        Operators that have a bias or get one.
    """

    def __init__(self, graph: Graph, with_bias: frozenset[int]) -> None:
        self._graph, self._with_bias = graph, with_bias
        self._candidates = parameter_operators(graph)
        self._names = layer_names(graph)
        if not self._candidates:
            raise ConversionError(
                f"{graph.name} has no operator with parameters ({', '.join(sorted(PARAMETER_OPERATORS))}) to train"
            )

    def read(self, layers: str | Sequence[str | int], all_of: Sequence[int]) -> LayerChoice:
        """What the words say.

        Parameters
        ----------
        layers : str or sequence
        all_of : sequence of int
            What ``all`` and ``bias`` mean: operators with parameters, in execution order.

        Raises
        ------
        ConversionError
            No such layer.
        """
        items = [part.strip() for part in layers.split(",")] if isinstance(layers, str) else list(layers)
        if not items or items == [""]:
            raise ConversionError("--layers names no layer; use all, last:N, bias, or names from `tflm-train inspect`")
        whole: set[int] = set()
        only_bias: set[int] = set()
        for item in items:
            word = item if isinstance(item, str) else ""
            if word in ("all", "auto"):
                whole |= set(all_of)
            elif word.startswith("last:"):
                whole |= set(self._last(word))
            elif word == BIAS or word.startswith(f"{BIAS}:"):
                chosen = all_of if word == BIAS else self._last(word)
                only_bias |= self._biased(chosen, f"--layers {word}")
            elif word.endswith(f":{BIAS}"):
                only_bias |= self._biased([self._named(word.removesuffix(f":{BIAS}"))], f"--layers {word}")
            else:
                whole.add(self._named(item))
        return LayerChoice(frozenset(whole), frozenset(only_bias - whole))

    def _biased(self, operators: Sequence[int], words: str) -> set[int]:
        found = self._with_bias & set(operators)
        if not found:
            what = f"layer {self._names[operators[0]]} has" if len(operators) == 1 else "these layers have"
            raise ConversionError(f"{self._graph.name}: {words}: {what} no bias; --add-bias gives layers one")
        return set(found)

    def _last(self, words: str) -> Sequence[int]:
        kind, count = words.split(":", 1)
        if not is_number(count) or int(count) == 0:
            raise ConversionError(f"--layers {words}: N in {kind}:N must be a whole number above 0")
        if int(count) > len(self._candidates):
            every = "all" if kind == "last" else kind
            raise ConversionError(
                f"--layers {words}: {self._graph.name} has {len(self._candidates)} operators with parameters; use "
                f"--layers {every}, or {kind}:1 to {kind}:{len(self._candidates)}"
            )
        return self._candidates[-int(count) :]

    def _named(self, item: str | int) -> int:
        graph, names, candidates = self._graph, self._names, self._candidates
        index = named_operator(graph, item, candidates)
        if index is None:
            if isinstance(item, int) or is_number(item):
                raise ConversionError(f"--layers {item}: {graph.name} has operators 0 to {len(graph.operators) - 1}")
            raise ConversionError(
                f"--layers {item!r}: {graph.name} has no such layer{_did_you_mean(item, names, candidates)}; "
                f"`tflm-train inspect` lists them (trainable: {', '.join(names[i] for i in candidates)})"
            )
        if index not in candidates:
            raise ConversionError(
                f"--layers {item}: {names[index]} ({graph.operators[index].type}) has no trainable parameters; "
                f"trainable: {', '.join(names[i] for i in candidates)}"
            )
        return index
