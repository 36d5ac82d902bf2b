from __future__ import annotations

import copy
import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import networks
import numpy as np
import pytest
from rich.console import Console
from test_losses import network
from test_schemas import validate
from tflite_builder import ModelBuilder
from tflm_train.converters import policies_cpp
from tflm_train.converters.operators_header import operators_header
from tflm_train.converters.options import SELECTORS
from tflm_train.converters.policies import Loss, Policy, Selector

import tflm_train as tt
from tflm_train import sources
from tflm_train.bench import workloads
from tflm_train.bench.peers import PEERS
from tflm_train.bench.session import measure
from tflm_train.cli import main
from tflm_train.cli.bench_tables import tables
from tflm_train.devices import build, open_device
from tflm_train.errors import DeviceError
from tflm_train.measure.block_counts import PluginFolder
from tflm_train.measure.board import MeasuredDevice
from tflm_train.measure.footprint import footprint, link
from tflm_train.sizes import native_arena_bytes

TOOLS = {"arm-none-eabi-g++": "gcc-arm-none-eabi", "qemu-system-arm": "qemu-system-arm"}
missing = [package for tool, package in TOOLS.items() if shutil.which(tool) is None]
emulated = pytest.mark.skipif(bool(missing), reason=f"needs the packages {' '.join(missing)}")


def bench(*words: object, code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tflm_train", "bench", *map(str, words)]
    env = {**os.environ, **environment}
    result = subprocess.run(command, capture_output=True, text=True, env=env, timeout=600)
    assert result.returncode == code, result.stdout + result.stderr
    return result


@pytest.fixture(scope="module")
def report() -> dict[str, Any]:
    result = bench("mlp", "conv", "--epochs", 2, "--json")
    assert result.stderr == ""
    return json.loads(result.stdout)


def of(report: dict[str, Any], workload: str) -> dict[Any, dict[str, Any]]:
    """Results by selector, for ``conv`` by selector and ratio."""
    results = [r for r in report["results"] if r["workload"] == workload]
    return {(r["selector"], r["ratio"]) if workload == "conv" else r["selector"]: r for r in results}


@emulated
def test_report_follows_the_schema(report: dict[str, Any]) -> None:
    validate(report)
    assert report["versions"]["package"] == tt.__version__
    assert report["versions"]["compiler"].startswith("arm-none-eabi-g++ (") and "QEMU" in report["versions"]["qemu"]
    assert list(of(report, "mlp")) == ["dense-noskip", "dense", "static-topk", "tinyprop"]
    assert len(of(report, "conv")) == 6
    for result in report["results"]:
        parts = {phase: count for phase, count in result["instructions"].items() if phase != "total"}
        print(result["workload"], result["selector"], parts, result["cycles_model"])
        assert sum(parts.values()) == result["instructions"]["total"]
        assert result["cycles_model"] > result["instructions"]["total"]
        assert (result["build"], result["device"]) == ("tuned", "qemu:m4")


@emulated
def test_sparse_training_learns_with_fewer_instructions(report: dict[str, Any]) -> None:
    mlp = of(report, "mlp")
    backward = {name: r["instructions"]["backward"] for name, r in mlp.items()}
    assert backward["tinyprop"] < backward["dense"] < backward["dense-noskip"]
    assert backward["static-topk"] < backward["dense"]
    assert mlp["dense"]["instructions"]["selection"] == mlp["dense-noskip"]["instructions"]["selection"] == 0
    assert min(r["accuracy"] for r in mlp.values()) > 0.3  # of ten classes; static-topk trains 3 of 32 neurons
    assert mlp["dense"]["accuracy"] > 0.85 and abs(mlp["tinyprop"]["accuracy"] - mlp["dense"]["accuracy"]) < 0.03


@emulated
def test_every_peer_takes_several_times_more(report: dict[str, Any]) -> None:
    for result in of(report, "mlp").values():
        assert result["instructions"]["total"] * 4 < min(peer.instructions for peer in PEERS["mlp"])
        assert result["ram_bytes"] <= 11 * 1024
    best = min(report["peers"]["mlp"], key=lambda peer: peer["instructions"])
    assert (best["name"], best["instructions"], best["ram_bytes"]) == ("PULP-TrainLib", 77_700, 19_872)
    assert "-O2" in best["command"] and "stm32" in best["version"] and best["cycles_model"] == 120_700


@emulated
def test_convolution_saves_what_is_not_selected(report: dict[str, Any]) -> None:
    totals = {key: r["instructions"]["total"] for key, r in of(report, "conv").items()}
    dense = totals["dense-noskip", None]
    for selector in ("static-topk", "tinyprop"):
        print(selector, dense / totals[selector, 0.1], dense / totals[selector, 0.3])
        assert totals[selector, 0.1] * 4 <= dense
        assert totals[selector, 0.1] < totals[selector, 0.3] < totals["dense", None]


@emulated
def test_blocks_that_ran_agree_with_the_timer(tmp_path: Path) -> None:
    workload = workloads.mlp(0)
    model = tt.convert(workload.network, tt.TrainingConfig(selector="tinyprop"))
    options: dict[str, Any] = {"zero_skip": True}
    with PluginFolder() as (folder, plugin):
        assert plugin is not None, "the plugin cannot be built: install gcc"
        runs = [
            measure("m4", "tuned", model, workload.data, options=options, epochs=1, seed=0, plugin=p, folder=folder,
                    advance=lambda steps: None)
            for p in (plugin, plugin, None)
        ]  # fmt: skip
    first, second, without = runs
    assert first.cost is not None and without.cost is None
    assert first == second and first.instructions == without.instructions
    executed = first.cost.instructions / first.steps
    print(executed, first.instructions["total"])
    # a call of EnterPhase, two instructions, belongs to the meter for the timer and to the trainer for the blocks
    assert abs(executed - first.instructions["total"]) <= 20


@emulated
@pytest.mark.parametrize("name", sorted(workloads.WORKLOADS))
@pytest.mark.parametrize("selector", ["dense", "tinyprop"])
def test_arena_is_exactly_what_the_plan_says(name: str, selector: str) -> None:
    model = tt.convert(workloads.WORKLOADS[name](0, None).network, tt.TrainingConfig(selector=selector))
    needed = native_arena_bytes(model.plan)
    open_device("qemu:m4", model, needed).close()
    with pytest.raises(DeviceError, match=str(needed)):
        open_device("qemu:m4", model, needed - 1)


@emulated
def test_a_larger_model_takes_more_flash(tmp_path: Path) -> None:
    sizes = [
        footprint(tt.convert(make(0, None).network, tt.TrainingConfig()).plan, "m4", "tuned", tmp_path).library
        for make in (workloads.mlp, workloads.cnn)
    ]
    print(sizes)
    assert 8 * 1024 < sizes[0] < sizes[1] < 40 * 1024


def symbols(program: Path) -> str:
    command = [build.binary_tool(build.arm_compiler(), "gcc-nm"), "-C", str(program)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def objects_in(held: str, kind: type[Policy]) -> list[Policy]:
    """The policies of a kind whose objects are among the symbols of a program."""
    return [
        policy for policy in kind if any(f"tflm_train::{name}\n" in held for name in policies_cpp.symbols([policy]))
    ]


@emulated
@pytest.mark.parametrize("selector", SELECTORS)
def test_firmware_holds_the_selector_of_its_plan_and_no_other(selector: str, tmp_path: Path) -> None:
    config = tt.TrainingConfig().with_policies(selector=selector)
    footprint(tt.convert(workloads.cnn(0).network, config).plan, "m4", "tuned", tmp_path)
    held = symbols(tmp_path / "program.elf")
    assert objects_in(held, Selector) == [
        member for member in Selector if member.word == selector and member.has_object
    ]
    assert ("NthLargest" in held) == (selector != "dense")
    for shared in ("GatherKeys", "KeepLargest"):
        assert (shared in held) == (selector in ("static-topk", "tinyprop"))


@emulated
@pytest.mark.parametrize("loss", Loss, ids=lambda loss: loss.name)
def test_firmware_holds_the_loss_of_its_plan_and_no_other(loss: Loss, tmp_path: Path) -> None:
    model = tt.convert(network((3,), loss.end), tt.TrainingConfig(loss=loss.word))
    assert model.plan.loss == loss
    footprint(model.plan, "m4", "tuned", tmp_path)
    held = symbols(tmp_path / "program.elf")
    of_label = [Loss.SOFTMAX_CROSS_ENTROPY_FROM_LOGITS, Loss.MEAN_SQUARED_ERROR] if loss == Loss.AUTO_LINEAR else []
    assert objects_in(held, Loss) == sorted([loss, *of_label])
    assert "SoftmaxCrossEntropyOfVector" not in held  # its labels are class numbers


@emulated
def test_firmware_links_vectors_and_weights_only_if_it_gives_them(tmp_path: Path) -> None:
    program = (sources.pio_project() / "bench" / "footprint" / "main.cpp").read_text()
    assert "Label::Class(given.label), &result" in program
    plan = tt.convert(workloads.mlp(0).network, tt.TrainingConfig()).plan
    (tmp_path / "operators.h").write_text(operators_header(plan))
    library = build.emulated_library("m4", "tuned", count_work=False)
    for sample in ("Class(given.label), &result", "Vector(given.sample), &result", "Class(given.label), 2.0f, &result"):
        (tmp_path / "main.cpp").write_text(program.replace("Class(given.label), &result", sample))
        link([tmp_path / "main.cpp"], library, "m4", "tuned", tmp_path)
        held = symbols(tmp_path / "program.elf")
        assert ("SoftmaxCrossEntropyOfVector" in held) == ("Vector" in sample)
        assert ("SampleWeight::Apply" in held) == ("2.0f" in sample)


def linked(model: tt.TrainableModel, folder: Path) -> str:
    footprint(model.plan, "m4", "tuned", folder)
    return symbols(folder / "program.elf")


@emulated
def test_firmware_averages_groups_of_samples_only_if_its_plan_has_their_gradients(tmp_path: Path) -> None:
    for accumulate in (1, 4):
        model = tt.convert(workloads.mlp(0).network, tt.TrainingConfig(accumulate=accumulate))
        held = linked(model, tmp_path)
        for name in ("kMeanAccumulation", "EndGroup"):
            assert (name in held) == (accumulate > 1)


@emulated
def test_firmware_checks_quantisation_only_if_its_plan_has_records_of_it(tmp_path: Path) -> None:
    for workload, quantised in (("mlp", False), ("mlp-int8", True)):
        held = linked(tt.convert(workloads.WORKLOADS[workload](0, None).network, tt.TrainingConfig()), tmp_path)
        for name in ("kQuantizedStorage", "QuantizationsFit", "QuantizationFits"):
            assert (name in held) == quantised


def rows_of_samples() -> bytes:
    """Two dense layers that run over three rows of one sample."""
    rng, b = np.random.default_rng(0), ModelBuilder()
    x = b.input(1, 3, 4)
    for inputs, outputs in ((4, 5), (5, 2)):
        weights, biases = b.constant(rng.normal(size=(outputs, inputs))), b.constant(np.zeros(outputs))
        x = b.op("FULLY_CONNECTED", [x, weights, biases], (1, 3, outputs), keepNumDims=True)
    return b.finish(x)


@emulated
def test_firmware_passes_over_weights_again_only_if_its_plan_needs_it(tmp_path: Path) -> None:
    """Once is enough for one sample whose layers all train in place."""
    mlp, three = workloads.mlp(0).network, networks.mlp(sizes=(4, 6, 5, 3))
    frozen = tt.convert(three, tt.TrainingConfig(layers=[0, 2]))
    cases = {
        "one sample": (tt.convert(mlp, tt.TrainingConfig()), True),
        "tinyprop": (tt.convert(mlp, tt.TrainingConfig(selector="tinyprop")), True),
        "last layer": (tt.convert(three, tt.TrainingConfig(layers="last:1")), True),
        "frozen layer between": (frozen, False),
        "gradients of a group": (tt.convert(mlp, tt.TrainingConfig(accumulate=4)), False),
        "rows": (tt.convert(rows_of_samples(), tt.TrainingConfig(loss="mse")), False),
    }
    for case, (model, once) in cases.items():
        held = linked(model, tmp_path)
        assert ("tflm_train::kFullyConnectedOnePass" in held) == once, case
        assert ("FullyConnectedBackwardInPasses" not in held) == once, case


@emulated
def test_firmware_that_trains_holds_no_agent(tmp_path: Path) -> None:
    """What docs/protocol.md says about security: who calls Trainer alone gives nobody a way in."""
    plan = tt.convert(workloads.mlp(0).network, tt.TrainingConfig()).plan
    footprint(plan, "m4", "tuned", tmp_path)
    assert "tflm_train::Agent::" in symbols(build.emulated_firmware("m4"))
    alone = symbols(tmp_path / "program.elf")
    assert "tflm_train::Trainer::Step" in alone
    assert not [line for line in alone.splitlines() if "tflm_train::Agent" in line or "FrameReader" in line]


@emulated
def test_models_from_files(folder: Path, tmp_path: Path) -> None:
    content = json.loads(
        bench("model", folder / "model.tflite", "--epochs", 2, "--data", folder / "data.npz", "--json").stdout
    )
    validate(content)
    with np.load(folder / "data.npz") as arrays:
        for name in ("x", "y"):
            np.save(tmp_path / f"{name}.npy", arrays[name])
    words = ["--epochs", 2, "--data", tmp_path / "x.npy", "--labels", tmp_path / "y.npy", "--json"]
    same = json.loads(bench("model", folder / "model.tflite", "--selector", "dense", *words).stdout)["results"][0]
    assert same["instructions"] == content["results"][1]["instructions"]
    selectors = ["dense-noskip", "dense", "static-topk", "tinyprop"]
    assert [(r["workload"], r["selector"]) for r in content["results"]] == [("model.tflite", s) for s in selectors]
    assert min(r["accuracy"] for r in content["results"] if r["selector"] != "static-topk") > 0.9
    plain = json.loads(bench("model", folder / "plain.tflite", "--epochs", 1, "--selector", "dense", "--json").stdout)
    validate(plain)
    assert [r["accuracy"] for r in plain["results"]] == [None]


@emulated
def test_any_selector_on_a_file_with_a_plan_for_another(tmp_path: Path) -> None:
    """A plan for dense training has no memory for a selector: the file is converted again, with the plan's options."""
    config = tt.TrainingConfig(selector="dense", learning_rate=0.003, loss="cross-entropy")
    dense = tt.convert(networks.cnn(), config)
    with pytest.raises(tt.UserError, match="convert"):
        tt.Trainer(dense).set_options(selector="tinyprop")
    dense.save(tmp_path / "dense.tflite")

    def results(*words: object) -> list[dict[str, Any]]:
        selectors = ["--selector", "tinyprop", "--selector", "dense"]
        text = bench("model", tmp_path / "dense.tflite", "--epochs", 1, *selectors, *words, "--json").stdout
        validate(json.loads(text))
        return json.loads(text)["results"]

    def ram(**changes: Any) -> int:
        model = tt.convert(networks.cnn(), replace(config, **changes))
        return native_arena_bytes(model.plan) + model.sizes.trainer_bytes

    found = [(r["selector"], r["learning_rate"], r["ram_bytes"]) for r in results()]
    assert found == [("tinyprop", 0.003, ram(selector="tinyprop")), ("dense", 0.003, ram())]
    changed = results("--lr", 0.001, "--layers", "last:1")
    assert [(r["learning_rate"], r["ram_bytes"]) for r in changed] == [
        (0.001, ram(selector="tinyprop", layers="last:1")),
        (0.001, ram(layers="last:1")),
    ]


@emulated
def test_seeds_give_means_and_intervals(folder: Path, tmp_path: Path) -> None:
    words = ["mlp", "--selector", "tinyprop", "--epochs", 1, "--seed", 4]
    file = tmp_path / "out.csv"
    content = json.loads(bench(*words, "--seeds", 3, "--csv", file, "--json").stdout)
    validate(content)
    (result,) = content["results"]
    runs = result["runs"]
    assert [run["seed"] for run in runs] == [4, 5, 6] and len({run["accuracy"] for run in runs}) > 1
    single = json.loads(bench("mlp", "--selector", "tinyprop", "--epochs", 1, "--seed", 5, "--json").stdout)["results"][
        0
    ]
    assert single["accuracy"] == runs[1]["accuracy"] and single["accuracy_interval"] is None
    assert single["instructions"]["total"] == runs[1]["instructions"]
    for key, found in (("instructions", result["instructions"]["total"]), ("accuracy", result["accuracy"])):
        values = [run[key] for run in runs]
        assert found == pytest.approx(sum(values) / 3, abs=3 if key == "instructions" else 1e-9)
        deviation = np.std(values, ddof=1)
        assert result[f"{key}_interval"] == pytest.approx(4.302653 * deviation / 3**0.5, rel=1e-6)
    (row,) = csv.DictReader(file.read_text().splitlines())
    assert (row["workload"], row["selector"], row["seeds"]) == ("mlp", "tinyprop", "3")
    assert float(row["accuracy_interval"]) == result["accuracy_interval"]
    assert int(row["instructions_total"]) == result["instructions"]["total"]


@emulated
def test_tables_fit_a_terminal(report: dict[str, Any]) -> None:
    wide = copy.deepcopy(report)
    for result in wide["results"]:
        result["instructions"] = {phase: 123_456_789 for phase in result["instructions"]}
    name = "tflm_train::cortex_m::Scatter(" + "tflm_train::ChannelRange const&, " * 5 + "float*)"
    wide["results"][0]["profile"] = [{"function": name, "instructions": 1_234_567, "cycles_model": 7_654_321}]
    for content in (report, wide):
        console = Console(width=80, file=io.StringIO())
        for table in tables(content):
            console.print(table, crop=False)
        text = console.file.getvalue()  # type: ignore[attr-defined]
        if content is report:
            assert max(map(len, text.splitlines())) <= 80, text
        for result in content["results"]:
            assert f"{result['instructions']['total']:,}" in text, text
    assert "1,234,567" in text and "7,654,321" in text, text


def processes_with(text: str) -> list[str]:
    """Command lines of running processes that hold a text."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = file.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if text in line:
            found.append(line)
    return found


@emulated
@pytest.mark.skipif(not Path("/proc/self/cmdline").exists(), reason="needs /proc, which Linux has")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_bench_leaves_nothing(tmp_path: Path, number: signal.Signals, code: int) -> None:
    command = [sys.executable, "-m", "tflm_train", "bench", "mlp", "--selector", "dense", "--epochs", "1000"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    # a test run in the background of a shell ignores SIGINT, and so would its children
    heeds = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, env=environment, stdout=pipe, stderr=pipe, preexec_fn=heeds)
    measuring = f"{tmp_path}/tflm-train-bench-"
    deadline = time.monotonic() + 120
    while not [line for line in processes_with(measuring) if "begin=" in line] and time.monotonic() < deadline:
        time.sleep(0.1)
    process.send_signal(number)
    out, _ = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, b"")
    assert processes_with(measuring) == [] and list(tmp_path.iterdir()) == []


@emulated
def test_an_interrupt_within_training_is_no_mistake_of_the_user(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def interrupted(*arguments: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(MeasuredDevice, "train", interrupted)
    with pytest.warns(tt.TrainingWarning, match="interrupted"):
        assert main(["bench", "mlp", "--selector", "dense", "--epochs", "1"]) == 130
    assert capfd.readouterr().out == ""


@emulated
def test_table_shows_peers_and_profile() -> None:
    text = bench("mlp", "--selector", "tinyprop", "--epochs", 1, "--profile").stdout
    for word in ("PULP-TrainLib", "92,000", "AIfES", "2.2", "TinyProp", "M4 cycles", "tflm_train::", "QEMU"):
        assert word in text, text


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["cat"], "mlp, cnn, conv"),
        (["model"], "FILE"),
        (["mlp", "--device", "native"], "qemu:m4"),
        (["mlp", "--device", "qemu:z80"], "qemu:m4"),
        (["mlp", "--build", "fast"], "tuned"),
        (["mlp", "--selector", "all"], "dense-noskip"),
        (["mlp", "--epochs", "0"], "epochs"),
        (["mlp", "--seeds", "0"], "seeds"),
        (["mlp", "--lr", "-1"], "learning_rate"),
        (["mlp", "--layers", "hidden"], "hidden"),
        (["conv", "--lr", "0.1"], "conv"),
        (["mlp", "--csv", "no/such/folder.csv"], "no/such"),
        (["mlp", "--seed", "-1"], "--seed"),
        (["mlp", "--mnist", "mnist.npz"], "cnn"),
        (["mlp", "--data", "data.npz"], "model FILE"),
        (["model", "setup.cfg"], "setup.cfg"),
        (["mlp", "--labels", "y.npy"], "--data X.npy"),
        (["model", "no_such_file.tflite"], "no_such_file.tflite"),
    ],
)
def test_mistakes_take_one_line(words: list[str], named: str) -> None:
    result = bench(*words, "--json", code=2)
    assert result.stdout == "" and result.stderr.count("\n") == 1 and named in result.stderr


@emulated
@pytest.mark.parametrize("tool", sorted(TOOLS))
def test_missing_tools_are_named(tool: str, tmp_path: Path) -> None:
    for other in TOOLS:
        if other != tool:
            (tmp_path / other).symlink_to(shutil.which(other) or "")
    result = bench("mlp", code=3, PATH=str(tmp_path), PLATFORMIO_CORE_DIR=str(tmp_path))
    assert result.stdout == "" and TOOLS[tool] in result.stderr
