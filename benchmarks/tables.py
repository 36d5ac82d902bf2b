"""Tables of docs/benchmarks.md from a report of ``tflm-train bench``.

tflm-train bench mlp cnn conv --build portable --build tuned --build parity --json > bench.json
python benchmarks/tables.py bench.json
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

NETWORK = ("selector", "build", "forward", "loss", "selection", "backward", "step", "M4 cycles", "RAM KB", "accuracy")
CONVOLUTION = ("selector", "build", "selection", "backward", "both", "fewer than dense-noskip", "M4 cycles")
ORDER = ("dense-noskip", "dense", "static-topk", "tinyprop")


def table(columns: tuple[str, ...], rows: list[list[str]]) -> str:
    lines = [columns, ("---", "---", *["---:"] * (len(columns) - 2)), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def name(result: dict[str, Any]) -> str:
    return result["selector"] + (f" {100 * result['ratio']:.0f} %" if result["ratio"] else "")


def cycles(result: dict[str, Any]) -> str:
    return "-" if result["cycles_model"] is None else f"{result['cycles_model']:,}"


def network_row(result: dict[str, Any]) -> list[str]:
    phases = [f"{result['instructions'][phase]:,}" for phase in ("forward", "loss", "selection", "backward")]
    total = f"**{result['instructions']['total']:,}**"
    rest = [f"{result['ram_bytes'] / 1024:.1f}", f"{100 * (result['accuracy'] or 0):.1f} %"]
    return [name(result), result["build"], *phases, total, cycles(result), *rest]


def convolution_row(result: dict[str, Any], dense: dict[str, Any]) -> list[str]:
    counts = result["instructions"]
    fewer = f"{dense['instructions']['total'] / counts['total']:.2f} x"
    parts = [f"{counts['selection']:,}", f"{counts['backward']:,}", f"**{counts['total']:,}**"]
    return [name(result), result["build"], *parts, fewer, cycles(result)]


def main(path: Path) -> None:
    results = json.loads(path.read_text())["results"]
    results.sort(key=lambda r: (ORDER.index(r["selector"]), r["ratio"] or 0))  # builds keep their order
    dense = {r["build"]: r for r in results if r["workload"] == "conv" and r["selector"] == "dense-noskip"}
    for workload in dict.fromkeys(r["workload"] for r in results):
        chosen = [r for r in results if r["workload"] == workload]
        if workload == "conv":
            text = table(CONVOLUTION, [convolution_row(r, dense[r["build"]]) for r in chosen])
        else:
            text = table(NETWORK, [network_row(r) for r in chosen])
        flash = ", ".join(f"{r['build']} {r['flash_bytes'] / 1024:.1f} KB" for r in chosen if r["selector"] == "dense")
        print(f"### {workload}\n\n{text}\n\nFlash: {flash}.\n")


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/tables.py bench.json")
    main(Path(sys.argv[1]))
