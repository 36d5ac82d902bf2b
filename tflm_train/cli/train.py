"""``tflm-train train``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..converters.options import DEVICE_OPTIONS, OPTIONS, RUN_OPTIONS
from ..errors import UserError
from . import options as opt
from .exit_codes import INTERRUPTED
from .output import macs, metric_label, percent, print_json, print_pairs, told_warnings


@opt.with_options("seed", *RUN_OPTIONS, *(name for name in DEVICE_OPTIONS if name != "learning_rate"))
def train(
    *,
    file: opt.Model,
    data: opt.Data,
    labels: opt.Labels = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="TRAINED.tflite", help="Where the trained model goes.")
    ] = None,
    device: Annotated[
        str, typer.Option("--device", metavar="D", help="native, native-parity, qemu:BOARD or serial:PORT.")
    ] = "native",
    epochs: Annotated[int, typer.Option("--epochs", metavar="N", help="Passes over the samples.")] = 1,
    shuffle: Annotated[bool, typer.Option("--shuffle/--no-shuffle", help="New sample order in every epoch.")] = True,
    remainders: Annotated[
        bool,
        typer.Option("--remainders", help="Keep what int8 weights are beyond their integers in the file, 1 B each."),
    ] = False,
    learning_rate: Annotated[
        str | None,
        typer.Option(
            *OPTIONS["learning_rate"].flags,
            metavar="F|auto",
            help="Learning rate; auto: by short runs at some rates, judged on samples held back from them.",
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(*OPTIONS["recipe"].flags, metavar="R", help=f"{OPTIONS['recipe'].help} Default: the plan's."),
    ] = None,
    options: dict[str, Any],
    as_json: opt.Json = False,
) -> None:
    """Train a converted model on a device. Options override the plan's where its memory allows."""
    from ..converters.files import check_writable, write_atomically
    from ..converters.model_source import check_model_name
    from ..data_files import load_data
    from ..effort import zero_skip_macs
    from ..reports import train_report
    from ..trainer import Trainer

    if output is not None:
        check_model_name(output)
        check_writable(output)
    if remainders and output is None:
        raise UserError("--remainders has no effect alone: it keeps them in the file that -o names")
    arrays = load_data(data, labels)
    seed = options.pop("seed", None)
    if learning_rate not in (None, "auto"):
        options["learning_rate"] = _number(learning_rate)
    rate = "auto" if learning_rate == "auto" else None
    sampling = {name: options.pop(name) for name in RUN_OPTIONS if name in options}
    with told_warnings() as sentences, Trainer(file, device=device) as trainer:
        if options:
            trainer.set_options(**options)
        if remainders:
            trainer.check_remainders()
        trainer.check_taught(arrays.y)
        before = trainer.evaluate(*arrays.held_out)
        history = trainer.fit(
            arrays.x, arrays.y, epochs=epochs, learning_rate=rate, shuffle=shuffle, seed=seed, recipe=recipe, **sampling
        )
        decided = {decision["option"]: decision["value"] for decision in history.recipe}
        # for what measures the run again
        trainer.set_options(
            learning_rate=history.learning_rate, selector=decided.get("selector", trainer.options["selector"])
        )
        if history.stopped and not history.completed and not history.interrupted:
            raise UserError(f"{file.name}: {history.stopped}")
        after = trainer.evaluate(*arrays.held_out)
        noticed = [sentence for sentence in (history.noticed, history.saturated) if sentence]
        sentences += noticed
        if output is not None:
            write_atomically(output, trainer.trained_model(remainders).data)
        emulated = device.startswith("qemu:") and not history.interrupted
        order = {"shuffle": shuffle, "seed": seed}
        zero_skip = zero_skip_macs(trainer, history, arrays.x, arrays.y, epochs=epochs, **order)
        cost = trainer.step_cost(arrays.x, arrays.y, **order) if emulated else None
        content = train_report(
            trainer,
            history,
            samples=len(arrays.x),
            epochs=history.completed,
            seed=int(trainer.model.plan.defaults["seed"]) if seed is None else seed,
            metric=trainer.metric(arrays.y),
            before=before,
            after=after,
            evaluated_on="x" if arrays.x_test is None else "x_test",
            output=None if output is None else str(output),
            sampling={**trainer.model.plan.run_options, **sampling, **decided},
            zero_skip=zero_skip,
            cost=cost,
            warnings=sentences,
        )
    if history.stopped:
        saved = f"; saved as {output}" if history.interrupted and output is not None else ""
        print(f"{file.name}: {history.stopped}{saved}", file=sys.stderr)
    for sentence in noticed:
        print(f"warning: {sentence}", file=sys.stderr)
    if as_json:
        print_json(content)
    else:
        print_pairs(f"{file} on {content['device']}", _lines(content))
    if history.interrupted:
        raise typer.Exit(INTERRUPTED)


def _number(text: str | None) -> float:
    try:
        return float(text or "")
    except ValueError:
        raise UserError(
            f"learning_rate={text!r} is of the wrong type: give {OPTIONS['learning_rate'].rule}, or auto"
        ) from None


def _rate(content: dict[str, Any]) -> str:
    tried = ", ".join(
        f"{one['learning_rate']:.2g}: {'diverges' if one['loss'] is None else format(one['loss'], '.4f')}"
        for one in content["learning_rates_tried"]
    )
    return f"{content['learning_rate']:.2g}" + (f" (held-back losses: {tried})" if tried else "")


def _lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    work, dense = sum(content["macs"].values()), sum(content["dense_macs"].values())
    metric = metric_label(content["metric"])
    return [
        ("samples x epochs", f"{content['samples']:,} x {content['epochs']}"),
        ("selector", content["selector"]),
        *((f"recipe: {d['option']}", f"{_value(d['value'])}: {d['reason']}") for d in content["recipe"] or []),
        ("learning rate", _rate(content)),
        (f"{metric} before, on {content['evaluated_on']}", percent(content["accuracy_before"])),
        (f"{metric} after, on {content['evaluated_on']}", percent(content["accuracy_after"])),
        ("loss before -> after", f"{content['loss_before']:.4f} -> {content['loss_after']:.4f}"),
        *((phase.replace("_", " "), macs(count)) for phase, count in content["macs"].items()),
        ("work of the whole run", macs(work)),
        ("dense training without skipping", macs(dense) + _ratio(content["effort_ratio"])),
        *_zero_skip_lines(content, work),
        *_pass_lines(content),
        *_align_lines(content),
        *_clipped_lines(content),
        ("weights changed per step", f"{100 * content['updated_fraction']:.1f} %"),
        *_integer_lines(content),
        ("arena", f"{content['arena_bytes']:,} B"),
        *((f"instructions per step, {k}", f"{n:,}") for k, n in content.get("instructions_per_step", {}).items()),
        *(_cost_lines(content) if "measured_steps" in content else []),
    ]


def _value(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)


def _ratio(ratio: float | None) -> str:
    return f" ({ratio:.2f} x less)" if ratio is not None else ""


def _zero_skip_lines(content: dict[str, Any], work: int) -> list[tuple[str, str]]:
    ratio = content["effort_ratio_zero_skip"]
    return [] if ratio is None else [("dense training that skips zeros", macs(round(ratio * work)) + _ratio(ratio))]


def _pass_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    """What choosing samples has spared, where something chose."""
    passes, replayed = content["forward_passes"], content["replayed"]
    aligned = 0 if content["alignment"] is None else content["alignment"]["forward_passes"]
    if passes - aligned == content["samples"] * content["epochs"]:
        return []
    lines = [("forward passes of the whole model", f"{passes:,}")]
    if content["replay"] == "none":
        return lines
    return [
        *lines,
        ("  from activations that were kept", f"{replayed:,}"),
        ("memory of replay", f"{content['replay_bytes']:,} B"),
    ]


def _align_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    found = content["alignment"]
    if found is None:
        return []
    change = (
        f"{percent(found['accuracy_before'])} -> {percent(found['accuracy_after'])} of {found['held_back']} samples"
    )
    outcome = "accepted" if found["accepted"] else "refused, no weight changed"
    return [("alignment", f"{outcome} ({change})"), ("  its work", macs(found["macs"]))]


def _clipped_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    fraction = content["clipped_fraction"]
    return [] if fraction is None else [("samples whose error was clipped", f"{100 * fraction:.1f} %")]


def _integer_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    if content["update"] is None:
        return []
    saturated = f"{100 * content['saturated_fraction']:.1f} %"
    return [("update of int8 weights", content["update"]), ("int8 weights at an end of their range", saturated)]


def _cost_lines(content: dict[str, Any]) -> list[tuple[str, str]]:
    """What is known of emulated devices."""
    cycles, reason = content["cycles_model"], content["cycles_model_reason"]
    return [
        ("  mean of the first", f"{content['measured_steps']:,} steps"),
        ("M4 cycles per step (model)", f"unknown: {reason}" if cycles is None else f"{cycles:,}"),
        ("flash, kernels and trainer", f"{content['flash_bytes']:,} B"),
        ("RAM, arena and trainer", f"{content['ram_bytes']:,} B"),
    ]
