"""Offsets for buffers with lifetimes, so that the arena is as small as we can make it."""

from __future__ import annotations

from dataclasses import dataclass

from .plan_format import ALIGNMENT, Place
from .program import Program, Value


@dataclass(frozen=True)
class Buffer:
    """``size`` bytes that live from step ``first`` to step ``last``, both included."""

    size: int
    first: int
    last: int


def aligned(size: int) -> int:
    """``size`` rounded up to the arena's alignment."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def _place(buffers: list[Buffer], order: list[int]) -> tuple[list[int], int]:
    """First fit in the given order."""
    offsets = [0] * len(buffers)
    placed: list[int] = []
    total = 0
    for i in order:
        buffer = buffers[i]
        neighbours = sorted(
            (offsets[j], offsets[j] + aligned(buffers[j].size))
            for j in placed
            if buffers[j].first <= buffer.last and buffer.first <= buffers[j].last
        )
        offset = 0
        for begin, end in neighbours:
            if begin - offset >= aligned(buffer.size):
                break
            offset = max(offset, end)
        offsets[i] = offset
        placed.append(i)
        total = max(total, offset + aligned(buffer.size))
    return offsets, total


def lower_bound(buffers: list[Buffer]) -> int:
    """The most bytes that live at one step: no plan can be smaller."""
    times = {b.first for b in buffers}
    return max((sum(aligned(b.size) for b in buffers if b.first <= t <= b.last) for t in times), default=0)


def plan_offsets(buffers: list[Buffer]) -> tuple[list[int], int]:
    """Offset of every buffer, and the total size.

    First fit by several orders (size, size x life, start, end), the best of which is improved by moving the buffers
    that reach the top to the front, until the lower bound is met or nothing helps.
    """
    if not buffers:
        return [], 0
    indices = range(len(buffers))
    keys = (
        lambda i: (-buffers[i].size, buffers[i].first),
        lambda i: (-buffers[i].size * (buffers[i].last - buffers[i].first + 1), buffers[i].first),
        lambda i: (buffers[i].first, -buffers[i].size),
        lambda i: (-buffers[i].last, -buffers[i].size),
        lambda i: (-(buffers[i].last - buffers[i].first), -buffers[i].size),
    )
    orders = [sorted(indices, key=key) for key in keys]
    bound = lower_bound(buffers)
    best_order, (best, total) = min(((o, _place(buffers, o)) for o in orders), key=lambda pair: pair[1][1])
    for _ in range(2 * len(buffers)):
        if total == bound:
            break
        top = [i for i in indices if best[i] + aligned(buffers[i].size) == total]
        order = top + [i for i in best_order if i not in top]
        if order == best_order:
            break
        offsets, size = _place(buffers, order)
        if size > total:
            break
        best_order, best, total = order, offsets, size
    return best, total


def plan_program(program: Program) -> None:
    """Give every arena value of a program its offset, and the program its ``arena_bytes``."""
    program.compute_lifetimes()
    roots = [v for v in program.values() if v.alias is None and v.place == Place.ARENA]
    offsets, program.arena_bytes = plan_offsets([Buffer(v.bytes, v.first, v.last) for v in roots])
    for value, offset in zip(roots, offsets):
        value.offset = offset
    for value in program.values():
        value.offset = value.root.offset


def share_in_place(program: Program, step_index: int, source: Value, target: Value) -> bool:
    """Let an element-wise forward step write over its input when nothing reads the input later.

    Call after ``compute_lifetimes``. Returns whether the memory is now shared.
    """
    root = source.root
    if root.place != Place.ARENA or target.alias is not None or root.bytes != target.bytes or root.last != step_index:
        return False
    target.alias = source
    return True


def place_as_in(program: Program, whole: Program) -> None:
    """Give the values of a program that starts at a cut the offsets that they have in the program of the whole model,
    of which it is the end."""
    program.compute_lifetimes()
    skipped = len(whole.forward) - len(program.forward)
    for step, same in zip(program.steps, whole.forward[skipped:] + whole.backward):
        for value, counterpart in zip(step.values, same.values):
            if value is not None and counterpart is not None and value.place == Place.ARENA:
                value.root.offset = counterpart.offset
    for value, counterpart in zip((program.output, program.loss_error), (whole.output, whole.loss_error)):
        if value is not None and counterpart is not None:
            value.root.offset = counterpart.offset
    for value in program.values():
        if value.place == Place.ARENA:
            value.offset = value.root.offset
    program.arena_bytes = whole.arena_bytes
