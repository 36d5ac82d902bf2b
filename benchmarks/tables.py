"""Measures the reference workloads and writes the numbers into docs/benchmarks.md and README.md.

python benchmarks/tables.py              # measures, a quarter of an hour; the demo's model is trained with TensorFlow
python benchmarks/tables.py bench.json   # takes a report of the same command (WORDS) with --json

What stands between `<!-- NAME -->` and `<!-- /NAME -->` in those files is written anew.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

from tflm_train.converters.files import write_together

ROOT = Path(__file__).resolve().parent.parent
FILES = (ROOT / "docs" / "benchmarks.md", ROOT / "README.md")
DEMO = "digits.tflite"
# the demo's folder stands for {}
WORDS = f"bench mlp cnn conv model {{0}}/{DEMO} --data {{0}}/digits.npz --build portable --build tuned --build parity"
NETWORK = ("selector", "build", "forward", "loss", "selection", "backward", "step", "M4 cycles", "RAM KB", "accuracy")
CONVOLUTION = ("selector", "build", "selection", "backward", "both", "fewer than dense-noskip", "M4 cycles")
PEERS = ("workload", "library", "version", "instructions", "M4 cycles", "RAM KB")
SPARSE = ("instructions of a step", "dense", "exact zero-skip", "TinyProp", "TinyProp / zero-skip")
ORDER = ("dense-noskip", "dense", "static-topk", "tinyprop")
Result = dict[str, Any]


def table(columns: tuple[str, ...], rows: list[list[str]], words: int = 2) -> str:
    """Markdown; the first `words` columns are words, the others numbers."""
    lines = [columns, ("---",) * words + ("---:",) * (len(columns) - words), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def name(result: Result) -> str:
    return result["selector"] + (f" {100 * result['ratio']:.0f} %" if result["ratio"] else "")


def count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"


def kilobytes(value: int) -> str:
    return f"{value / 1024:.1f}"


def network_row(result: Result) -> list[str]:
    phases = [count(result["instructions"][phase]) for phase in ("forward", "loss", "selection", "backward")]
    total = f"**{result['instructions']['total']:,}**"
    rest = [kilobytes(result["ram_bytes"]), f"{100 * (result['accuracy'] or 0):.1f} %"]
    return [name(result), result["build"], *phases, total, count(result["cycles_model"]), *rest]


def convolution_row(result: Result, dense: Result) -> list[str]:
    counts = result["instructions"]
    fewer = f"{dense['instructions']['total'] / counts['total']:.2f} x"
    parts = [count(counts["selection"]), count(counts["backward"]), f"**{counts['total']:,}**"]
    return [name(result), result["build"], *parts, fewer, count(result["cycles_model"])]


def workload_tables(results: list[Result]) -> str:
    """A table per workload, all selectors and builds."""
    results = sorted(results, key=lambda r: (ORDER.index(r["selector"]), r["ratio"] or 0))  # builds keep their order
    dense = {r["build"]: r for r in results if r["workload"] == "conv" and r["selector"] == "dense-noskip"}
    parts = []
    for workload in dict.fromkeys(r["workload"] for r in results):
        chosen = [r for r in results if r["workload"] == workload]
        if workload == "conv":
            text = table(CONVOLUTION, [convolution_row(r, dense[r["build"]]) for r in chosen])
        else:
            text = table(NETWORK, [network_row(r) for r in chosen])
        flash = ", ".join(f"{r['build']} {kilobytes(r['flash_bytes'])} KB" for r in chosen if r["selector"] == "dense")
        title = f"{workload} (`make demo`)" if workload == DEMO else workload
        parts.append(f"### {title}\n\n{text}\n\nFlash: {flash}.")
    return "\n\n".join(parts)


def peer_table(peers: dict[str, list[dict[str, Any]]]) -> str:
    rows = [
        [
            workload,
            p["name"],
            p["version"],
            count(p["instructions"]),
            count(p["cycles_model"]),
            kilobytes(p["ram_bytes"]),
        ]
        for workload, listed in peers.items()
        for p in listed
    ]
    return table(PEERS, rows, words=3)


def sparse_part(results: list[Result]) -> str:
    """What TinyProp adds to exact zero-skip, in instructions of the tuned build."""
    tuned = [r for r in results if r["build"] == "tuned"]

    def total(workload: str, selector: str, ratio: float | None = None) -> int:
        (found,) = [
            r["instructions"]["total"]
            for r in tuned
            if (r["workload"], r["selector"]) == (workload, selector) and r["ratio"] == ratio
        ]
        return found

    rows, said = [], []
    for title, workload, ratio in (
        ("`mlp` 64-32-10, ReLU", "mlp", None),
        ("`cnn`, two convolutions with ReLU and max-pool", "cnn", None),
        ("the demo's CNN", DEMO, None),
        ("`conv`, backward only, 10 % selected", "conv", 0.1),
    ):
        dense, skip = total(workload, "dense-noskip"), total(workload, "dense")
        sparse = total(workload, "tinyprop", ratio)
        rows.append([title, count(dense), count(skip), count(sparse), f"{sparse / skip:.2f}"])
        percent = 100 * (sparse / skip - 1)
        said.append(f"{abs(percent):.0f} % {'more' if percent > 0 else 'fewer'} on {title.partition(',')[0]}")
    sentence = f"Instructions of a step with TinyProp, against exact zero-skip alone: {', '.join(said)}."
    return f"{textwrap.fill(sentence, 110)}\n\n{table(SPARSE, rows, words=1)}"


def blocks(report: dict[str, Any]) -> dict[str, str]:
    """The generated parts by name."""
    versions = report["versions"]
    by = f"Measured with tflm-train {versions['package']}, {versions['compiler']}, {versions['qemu']}."
    return {
        "versions": by,
        "workloads": workload_tables(report["results"]),
        "sparse": sparse_part(report["results"]),
        "peers": peer_table(report["peers"]),
    }


def filled(text: str, parts: dict[str, str]) -> str:
    """A page with the generated parts in their places."""
    for key, content in parts.items():
        text = re.sub(
            rf"(<!-- {key} -->\n\n).*?(\n\n<!-- /{key} -->)",
            lambda match, content=content: match[1] + content + match[2],  # type: ignore[misc]
            text,
            flags=re.DOTALL,
        )
    return text


def measure() -> str:
    """The report of ``tflm-train bench`` (JSON) on all workloads and the demo's model."""
    program = [sys.executable, "-m", "tflm_train"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*program, "demo", "--output", folder], check=True, stdout=subprocess.DEVNULL)
        command = [*program, *WORDS.format(folder).split(), "--json"]
        return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def main() -> None:
    if len(sys.argv) > 2:
        sys.exit("usage: python benchmarks/tables.py [bench.json]")
    parts = blocks(json.loads(Path(sys.argv[1]).read_text() if len(sys.argv) == 2 else measure()))
    write_together({file: filled(file.read_text(), parts).encode() for file in FILES})


if __name__ == "__main__":
    main()
