"""Measures workloads: every selector on every build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..config import TrainingConfig
from ..converters import model_writer
from ..converters.plan_format import Selector
from ..data import Dataset, load_npz
from ..devices import build, qemu
from ..errors import UserError
from ..model import TrainableModel, convert, load_model, read_file
from ..progress import TrainingProgress
from ..reports import report
from . import convolution, session, workloads
from .block_counts import Cost, PluginFolder
from .footprint import footprint, link
from .peers import PEERS

CONVOLUTION = "conv"
SELECTORS = ("dense-noskip", "dense", "static-topk", "tinyprop")
RATIO = 0.1  # of static-topk
SYNTHETIC_SAMPLES = 100
PROFILE_FUNCTIONS = 12


@dataclass(frozen=True)
class Settings:
    """What to measure.

    Attributes
    ----------
    names : sequence of str
        Workloads ``mlp``, ``cnn``, ``conv``.
    files : sequence of Path
        Models.
    device : str
        ``qemu:BOARD``.
    builds, selectors : sequence of str
        Empty: all selectors, and the build that the device's name says.
    epochs : int
    seed : int
    mnist : Path or None
        Data for ``cnn``; None: scaled digits.
    data : Path or None
        Data for `files`; None: random numbers.
    profile : bool
        Tell which functions the instructions are spent in.
    """

    names: Sequence[str]
    files: Sequence[Path] = ()
    device: str = "qemu:m4"
    builds: Sequence[str] = ()
    selectors: Sequence[str] = ()
    epochs: int = 5
    seed: int = 0
    mnist: Path | None = None
    data: Path | None = None
    profile: bool = False


@dataclass(frozen=True)
class _Job:
    """One training run: a model, ready for one selector."""

    workload: str
    selector: str
    model: TrainableModel
    data: Dataset


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
    if settings.epochs < 1:
        raise UserError(f"epochs={settings.epochs} is out of range: a whole number above 0")
    if settings.mnist is not None and "cnn" not in settings.names:
        raise UserError("--mnist is for the workload cnn: tflm-train bench cnn --mnist D.npz")
    if settings.data is not None and not settings.files:
        raise UserError("--data is for a model of yours: tflm-train bench model FILE --data D.npz")
    unknown = [s for s in settings.selectors if s not in SELECTORS]
    if unknown:
        raise UserError(f"there is no selector {unknown[0]!r}; there are {', '.join(SELECTORS)}")
    qemu.command(board, Path())  # tells if QEMU is missing
    build.arm_compiler()
    jobs = _jobs(settings)
    for variant in builds:  # before the progress bar, as building shows its own
        build.emulated_firmware(board, variant, count_work=False)
        if CONVOLUTION in settings.names:
            convolution.program(board, variant)
    results: list[dict[str, Any]] = []
    samples = sum(len(job.data.x) for job in jobs)
    total = max(1, samples * len(builds))
    with PluginFolder() as (folder, plugin), TrainingProgress("auto", settings.epochs, total, "measuring") as progress:
        for variant in builds:
            for job in jobs:
                results.append(_measure(job, board, variant, settings, plugin, folder, progress))
            if CONVOLUTION in settings.names:
                results += _convolutions(board, variant, settings, plugin, folder)
    order = [*settings.names, *(file.name for file in settings.files)]
    results.sort(key=lambda result: order.index(result["workload"]))
    return report(
        "bench",
        seed=settings.seed,
        epochs=settings.epochs,
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


def _jobs(settings: Settings) -> list[_Job]:
    jobs = []
    for name in settings.names:
        if name == CONVOLUTION:
            continue
        workload = workloads.WORKLOADS[name](settings.seed, settings.mnist)
        for selector in settings.selectors or SELECTORS:
            config = TrainingConfig(
                selector=_policy(selector), ratio=RATIO, learning_rate=workload.learning_rate, seed=settings.seed
            )
            jobs.append(_Job(name, selector, convert(workload.network, config), workload.data))
    for file in settings.files:
        jobs += _file_jobs(file, settings)
    return jobs


def _policy(selector: str) -> str:
    return "dense" if selector == "dense-noskip" else selector


def _file_jobs(file: Path, settings: Settings) -> list[_Job]:
    """A file with a plan trains as it says, with the selectors that it has room for; others are converted."""
    planned = _with_plan(file)
    selectors = list(settings.selectors or SELECTORS)
    if planned is not None and not settings.selectors:
        own = Selector(int(planned.plan.defaults["selector"])).name.lower().replace("_", "-")
        selectors = list(dict.fromkeys(["dense-noskip", "dense", own]))
    jobs: list[_Job] = []
    for selector in selectors:
        model = planned or convert(file, TrainingConfig(selector=_policy(selector), ratio=RATIO, seed=settings.seed))
        jobs.append(_Job(file.name, selector, model, jobs[0].data if jobs else _file_data(model, settings)))
    return jobs


def _with_plan(file: Path) -> TrainableModel | None:
    if file.suffix != ".tflite" or model_writer.read_plan(read_file(file)) is None:
        return None
    return load_model(file)


def _file_data(model: TrainableModel, settings: Settings) -> Dataset:
    if settings.data is not None:
        return load_npz(settings.data)
    outputs = 1
    for dimension in model.output_shape:
        outputs *= dimension
    return workloads.synthetic(model.input_shape, outputs, SYNTHETIC_SAMPLES, settings.seed)


def _measure(
    job: _Job,
    board: str,
    variant: str,
    settings: Settings,
    plugin: Path | None,
    folder: Path,
    progress: TrainingProgress,
) -> dict[str, Any]:
    measured = session.measure(
        board,
        variant,
        job.model,
        job.data,
        options={"selector": _policy(job.selector), "zero_skip": job.selector != "dense-noskip"},
        epochs=settings.epochs,
        seed=settings.seed,
        plugin=plugin,
        folder=folder,
        advance=progress.advance,
    )
    flash = footprint(job.model.plan, board, variant, folder)
    ratio = float(job.model.plan.defaults["ratio"])
    return {
        "workload": job.workload,
        "selector": job.selector,
        "ratio": round(ratio, 6) if job.selector == "static-topk" else None,
        "build": variant,
        "device": f"qemu:{board}",
        "instructions": measured.instructions,
        "cycles_model": _cycles(measured.cost, measured.steps),
        "ram_bytes": measured.ram_bytes,
        "flash_bytes": flash.library,
        "accuracy": measured.accuracy,
        **_profile(settings, measured.cost, measured.steps),
    }


def _convolutions(
    board: str, variant: str, settings: Settings, plugin: Path | None, folder: Path
) -> list[dict[str, Any]]:
    library = build.emulated_library(board, variant, count_work=False)
    flash = link(convolution.program_files(), library, board, variant, folder)
    results = []
    for selector, ratio in convolution.CASES:
        if selector not in (settings.selectors or SELECTORS):
            continue
        measured = convolution.measure(board, variant, selector, ratio, plugin, folder)
        results.append(
            {
                "workload": CONVOLUTION,
                "selector": selector,
                "ratio": ratio,
                "build": variant,
                "device": f"qemu:{board}",
                "instructions": measured.instructions,
                "cycles_model": _cycles(measured.cost, 1),
                "ram_bytes": measured.ram_bytes,
                "flash_bytes": flash.library,
                "accuracy": None,
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
