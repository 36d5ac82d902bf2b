"""What a plan needs on the device."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .converters import plan_format
from .converters.operators import KERNELS
from .converters.plan_format import ForwardKind, Plan, ProgramKind


@dataclass(frozen=True)
class Sizes:
    """All in bytes, but for the number of trainable parameters.

    Attributes
    ----------
    arena_bytes : dict
        Program -> the whole arena that it needs. Programs for TFLM's forward pass are named
        ``tflm-...``: TFLM's own arena holds their tensors.
    weight_bytes : int
        Trainable copies of weights and biases, all planes (part of every arena).
    state_bytes : int
        Gradient buffers, selector state and padding between them (part of every arena).
    trainer_bytes : int
        The ``Trainer`` object, apart from the arena.
    replay_bytes : int
        Memory for the activations that latent replay keeps, apart from the arena; 0 without.
    align_bytes : int
        Memory for the statistics that alignment measures, apart from the arena; 0 without.
    stack_bytes : int
        The most stack that a call of the ``Trainer`` takes below its caller on Cortex-M, where the library's own
        kernels run; interrupts come on top.
    metadata_bytes : int
        The plan in the file.
    trainable_parameters : int
    """

    arena_bytes: dict[str, int]
    weight_bytes: int
    state_bytes: int
    trainer_bytes: int
    replay_bytes: int
    align_bytes: int
    stack_bytes: int
    metadata_bytes: int
    trainable_parameters: int


def program_name(program: np.void) -> str:
    """``infer``, ``train``, ``train_from_cut``, ``infer_from_cut`` or ``align``; with ``tflm-`` before it where TFLM
    runs the forward pass."""
    prefix = "tflm-" if program["forward_kind"] == ForwardKind.TFLM else ""
    return prefix + ProgramKind(int(program["kind"])).name.lower()


def plan_sizes(plan: Plan, metadata_bytes: int) -> Sizes:
    """Sizes of a plan whose entry in the file has `metadata_bytes` bytes."""
    persistent = int(plan.defaults["persistent_bytes"])
    weights = sum(plan.parameter_bytes(p) for p in plan.parameters)
    return Sizes(
        arena_bytes={program_name(p): persistent + int(p["arena_bytes"]) for p in plan.programs},
        weight_bytes=weights,
        state_bytes=persistent - weights,
        trainer_bytes=plan_format.TRAINER_BYTES,
        replay_bytes=plan.replay_bytes,
        align_bytes=plan.align_bytes,
        stack_bytes=stack_bytes(plan),
        metadata_bytes=metadata_bytes,
        trainable_parameters=int(plan.parameters["elements"].sum()),
    )


def stack_bytes(plan: Plan) -> int:
    """The most stack that a step of the programs without TFLM takes."""
    programs = [program for program in plan.programs if program["forward_kind"] == ForwardKind.NATIVE]
    return max(KERNELS[int(step["kernel"])].stack for program in programs for step in plan.steps(program))


def native_programs(from_cut: bool) -> tuple[ProgramKind, ProgramKind]:
    """The programs that a device infers and trains with, of the whole model or behind the cut."""
    if from_cut:
        return ProgramKind.INFER_FROM_CUT, ProgramKind.TRAIN_FROM_CUT
    return ProgramKind.INFER, ProgramKind.TRAIN


def native_arena_bytes(plan: Plan, from_cut: bool = False) -> int:
    """The smallest arena in which the library's own kernels train and infer."""
    return max(plan.arena_bytes(kind) for kind in native_programs(from_cut))
