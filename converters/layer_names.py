"""What users call the operators of a model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from .graph import Graph


def layer_names(graph: Graph) -> list[str]:
    """The name of every operator as users see it: its output's name up to the first ``;``, made unique by the index."""
    names = [graph.layer_name(op).split(";")[0] or f"{op.type}_{op.index}" for op in graph.operators]
    count = Counter(names)
    return [f"{name}:{i}" if count[name] > 1 else name for i, name in enumerate(names)]


def is_number(word: str) -> bool:
    """Whether a word is an index."""
    return word.isascii() and word.isdigit() and len(word) < 10


def named_operator(graph: Graph, item: str | int, candidates: Sequence[int]) -> int | None:
    """The operator that a word means, None if there is none.

    Parameters
    ----------
    graph : Graph
    item : str or int
        An index, a name as ``layer_names`` gives it, the whole name of an operator's output, or the own name of a Keras
        layer that has one of the candidates.
    candidates : sequence of int
        Operators in execution order.
    """
    if isinstance(item, int) or is_number(item):
        return int(item) if 0 <= int(item) < len(graph.operators) else None
    names = layer_names(graph)
    if item in names:
        return names.index(item)
    whole = [graph.layer_name(op) for op in graph.operators]
    if item in whole:
        return whole.index(item)
    own = [i for i in candidates if names[i].split("/")[0] == item]
    return own[0] if len(own) == 1 else None
