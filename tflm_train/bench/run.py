"""Measures workloads: every selector on every build."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..devices import build, qemu
from ..errors import UserError
from ..measure.block_counts import Cost, PluginFolder
from ..measure.footprint import footprint, link
from ..measure.stack import measure_stack
from ..progress import TrainingProgress
from ..reports import report
from . import convolution, session
from .confidence import half_width
from .jobs import CONVOLUTION, Job, Settings, make_jobs, policy
from .peers import PEERS
from .selectors import SELECTORS
from .versions import versions

PHASES = ("forward", "loss", "selection", "backward")
PROFILE_FUNCTIONS = 12


def run_bench(settings: Settings) -> dict[str, Any]:
    """Measure.

    Returns
    -------
    dict
        JSON of ``bench``.

    Raises
    ------
    MissingToolError
        Emulator, compiler or data are not installed.
    UserError
        A setting or file that cannot be used.
    """
    board, builds = _target(settings)
    for name, value in (("epochs", settings.epochs), ("seeds", settings.seeds)):
        if value < 1:
            raise UserError(f"{name}={value} is out of range: a whole number above 0")
    if settings.changes and set(settings.names) == {CONVOLUTION} and not settings.files:
        raise UserError(
            f"--lr, --layers and --errors are for networks; {CONVOLUTION} is one backward step without them"
        )
    if settings.mnist is not None and "cnn" not in settings.names:
        raise UserError("--mnist is for the workload cnn: tflm-train bench cnn --mnist D.npz")
    if settings.data is not None and not settings.files:
        raise UserError("--data is for a model of yours: tflm-train bench model FILE --data D.npz")
    if settings.labels is not None and settings.data is None:
        raise UserError("--labels is of --data X.npy: give both")
    unknown = [s for s in settings.selectors if s not in SELECTORS]
    if unknown:
        raise UserError(f"there is no selector {unknown[0]!r}; there are {', '.join(SELECTORS)}")
    qemu.command(board, Path())  # tells if QEMU is missing
    build.arm_compiler()
    half_width([0.0] * settings.seeds)  # tells if SciPy is missing
    jobs = make_jobs(settings)
    for variant in builds:  # before the progress bar, as building shows its own
        build.emulated_firmware(board, variant, count_work=False)
        if CONVOLUTION in settings.names:
            convolution.program(board, variant)
    results: list[dict[str, Any]] = []
    total = max(1, sum(job.samples for job in jobs) * len(builds))
    with PluginFolder() as (folder, plugin), TrainingProgress("auto", settings.epochs, total, "measuring") as progress:
        for variant in builds:
            for job in jobs:
                results.append(_measure(job, board, variant, settings, plugin, folder, progress))
            if CONVOLUTION in settings.names:
                progress.describe(f"{CONVOLUTION} {variant}")
                results += _convolutions(board, variant, settings, plugin, folder)
    order = [*settings.names, *(file.name for file in settings.files)]
    results.sort(key=lambda result: order.index(result["workload"]))
    return report(
        "bench",
        seed=settings.seed,
        seeds=settings.seeds,
        epochs=settings.epochs,
        layers=settings.layers,
        errors=settings.errors,
        versions=versions(),
        results=results,
        peers={name: [peer._asdict() for peer in PEERS[name]] for name in settings.names if name in PEERS},
    )


def _target(settings: Settings) -> tuple[str, list[str]]:
    """Board and builds."""
    if not settings.device.startswith("qemu:"):
        names = ", ".join(f"qemu:{board}" for board in build.BOARDS)
        raise UserError(f"bench counts instructions, which device {settings.device!r} cannot; choose one of {names}")
    board, variant = qemu.parse(settings.device)
    for name in settings.builds:
        if name not in build.BUILDS:
            raise UserError(f"there is no build {name!r}; there are {', '.join(build.BUILDS)}")
    return board, list(dict.fromkeys(settings.builds)) or [variant]


def _measure(
    job: Job,
    board: str,
    variant: str,
    settings: Settings,
    plugin: Path | None,
    folder: Path,
    progress: TrainingProgress,
) -> dict[str, Any]:
    """Means over the job's seeds."""
    measured = []
    for number, (seed, model, data) in enumerate(job.runs, 1):
        which = f", seed {number}/{settings.seeds}" if settings.seeds > 1 else ""
        progress.describe(f"{job.workload} {job.selector} {variant}{which}")
        measured.append(
            session.measure(
                board,
                variant,
                model,
                data,
                options={"selector": policy(job.selector), "zero_skip": job.selector != "dense-noskip"},
                epochs=settings.epochs,
                seed=seed,
                plugin=plugin,
                folder=folder,
                advance=progress.advance,
            )
        )
    phases = {phase: round(_mean([m.instructions[phase] for m in measured])) for phase in PHASES}
    totals = [m.instructions["total"] for m in measured]
    accuracies = [m.accuracy for m in measured if m.accuracy is not None]
    cycles = [_cycles(m.cost, m.steps) for m in measured]
    defaults = job.model.plan.defaults
    return {
        "workload": job.workload,
        "selector": job.selector,
        "ratio": round(float(defaults["ratio"]), 6) if job.selector == "static-topk" else None,
        "learning_rate": float(f"{defaults['learning_rate']:.6g}"),
        "build": variant,
        "device": f"qemu:{board}",
        "instructions": phases | {"total": sum(phases.values())},
        "instructions_interval": half_width(totals),
        "cycles_model": None if plugin is None else round(_mean([c for c in cycles if c is not None])),
        "ram_bytes": measured[0].ram_bytes,
        "stack_bytes": measure_stack(board, variant, job.model, job.runs[0][2].x, folder).train,
        "flash_bytes": footprint(job.model.plan, board, variant, folder).library,
        "accuracy": _mean(accuracies) if accuracies else None,
        "accuracy_interval": half_width(accuracies),
        "runs": [
            {"seed": seed, "instructions": m.instructions["total"], "accuracy": m.accuracy}
            for (seed, _, _), m in zip(job.runs, measured)
        ],
        **_profile(settings, measured[0].cost, measured[0].steps),
    }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _convolutions(
    board: str, variant: str, settings: Settings, plugin: Path | None, folder: Path
) -> list[dict[str, Any]]:
    library = build.emulated_library(board, variant, count_work=False)
    flash = link(convolution.program_files(), library, board, variant, folder)
    results = []
    for selector, ratio in convolution.CASES:
        if selector not in settings.all_selectors:
            continue
        measured = convolution.measure(board, variant, selector, ratio, plugin, folder)
        results.append(
            {
                "workload": CONVOLUTION,
                "selector": selector,
                "ratio": ratio,
                "learning_rate": None,
                "build": variant,
                "device": f"qemu:{board}",
                "instructions": measured.instructions,
                "instructions_interval": None,
                "cycles_model": _cycles(measured.cost, 1),
                "ram_bytes": measured.ram_bytes,
                "stack_bytes": None,
                "flash_bytes": flash.library,
                "accuracy": None,
                "accuracy_interval": None,
                "runs": [],
                **_profile(settings, measured.cost, 1),
            }
        )
    return results


def _cycles(cost: Cost | None, steps: int) -> int | None:
    return None if cost is None else round(cost.cycles / steps)


def _profile(settings: Settings, cost: Cost | None, steps: int) -> dict[str, Any]:
    if not settings.profile or cost is None:
        return {}
    functions = [
        {"function": name, "instructions": round(count / steps), "cycles_model": round(cost.cycles_of[name] / steps)}
        for name, count in cost.instructions_of.most_common(PROFILE_FUNCTIONS)
    ]
    return {"profile": functions}
