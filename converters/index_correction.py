"""Corrections of negative indices in front of a lookup: ``where(i < 0, i + rows, i)``, as Keras' Embedding exports it.

A device is given indices from 0 on, for which this is ``i``: the operators need no step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from .graph import Operator, Tensor

SELECTS = frozenset({"SELECT", "SELECT_V2"})


def find_corrections(tensors: Sequence[Tensor], operators: Sequence[Operator]) -> tuple[dict[int, int], frozenset[int]]:
    """Find them.

    Parameters
    ----------
    tensors, operators
        As in ``Graph``.

    Returns
    -------
    same : dict of int to int
        Corrected indices -> the indices.
    needless : frozenset of int
        The operators that correct.
    """
    producers = {t: op for op in operators for t in op.outputs}
    readers: dict[int, set[int]] = defaultdict(set)
    for op in operators:
        for t in op.inputs:
            readers[t].add(op.index)
    found: dict[int, tuple[Operator, Operator, Operator]] = {}
    for gather in operators:
        select = producers.get(gather.input(1)) if gather.type == "GATHER" else None
        if select is None or select.type not in SELECTS or len(select.inputs) != 3:
            continue
        less, add, indices = producers.get(select.inputs[0]), producers.get(select.inputs[1]), select.inputs[2]
        if less is None or add is None or (less.type, add.type) != ("LESS", "ADD"):
            continue
        shape = tensors[gather.inputs[0]].shape
        rows = shape[0] if shape else 0
        alone = readers[select.inputs[1]] == {select.index}
        one_for_each = tensors[select.outputs[0]].shape == tensors[indices].shape
        if alone and one_for_each and _compares(less, indices, tensors, 0) and _compares(add, indices, tensors, rows):
            found[select.index] = select, less, add
    same: dict[int, int] = {}
    needless: set[int] = set()
    for select, less, add in found.values():
        if readers[select.inputs[0]] <= found.keys():  # several tables that are read by the same indices share it
            same[select.outputs[0]] = select.inputs[2]
            needless |= {select.index, less.index, add.index}
    return same, frozenset(needless)


def _compares(op: Operator, indices: int, tensors: Sequence[Tensor], number: int) -> bool:
    """Its inputs are the indices and this number."""
    if len(op.inputs) != 2 or op.inputs[0] != indices or op.inputs[1] < 0:
        return False
    data = tensors[op.inputs[1]].data
    return data is not None and data.size > 0 and bool(np.all(data == number))
