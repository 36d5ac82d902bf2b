"""The report of ``bench`` for people: a table per workload, narrow enough for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from .output import percent

Result = dict[str, Any]
WIDEST = 1000  # characters
# heading, and what stands below it; a column that would say the same in every row stands in the title
DISTINCT: dict[str, Callable[[Result], str]] = {
    "build": lambda r: r["build"],
    "flash KB": lambda r: kilobytes(r["flash_bytes"]),
    "stack B": lambda r: "-" if r["stack_bytes"] is None else f"{r['stack_bytes']:,}",
}
NUMBERS: dict[str, Callable[[Result], str]] = {
    "forward": lambda r: f"{r['instructions']['forward']:,}",
    "loss": lambda r: f"{r['instructions']['loss']:,}",
    "select": lambda r: f"{r['instructions']['selection']:,}",
    "backward": lambda r: f"{r['instructions']['backward']:,}",
    "step": lambda r: f"{r['instructions']['total']:,}" + plus_minus(r["instructions_interval"], 0),
    "M4 cycles": lambda r: "-" if r["cycles_model"] is None else f"{r['cycles_model']:,}",
    "RAM KB": lambda r: kilobytes(r["ram_bytes"]),
    "accuracy": lambda r: accuracy(r),
}


def kilobytes(value: int) -> str:
    return f"{value / 1024:.1f}"


def plus_minus(width: float | None, digits: int) -> str:
    return "" if width is None else f" ± {width:,.{digits}f}"


def accuracy(result: Result) -> str:
    """With its interval over seeds, where there are some."""
    width = result["accuracy_interval"]
    if width is None:
        return percent(result["accuracy"])
    return f"{100 * result['accuracy']:.1f}{plus_minus(100 * width, 1)} %"


def selector(result: Result) -> str:
    ratio = result["ratio"]
    return result["selector"] + ("" if ratio is None else f" {100 * ratio:.0f} %")


def tables(content: dict[str, Any]) -> list[Table]:
    """Of every workload, with its peers, and the profiles that there are.

    Parameters
    ----------
    content : dict
        As ``run_bench`` returns it.
    """
    made = []
    for workload in dict.fromkeys(result["workload"] for result in content["results"]):
        results = [result for result in content["results"] if result["workload"] == workload]
        made.append(_workload_table(results))
        if content["peers"].get(workload):
            made.append(_peer_table(workload, content["peers"][workload]))
        made += [_profile_table(result) for result in results if "profile" in result]
    return made


def notes(content: dict[str, Any]) -> list[str]:
    """What the numbers mean, and what measured them."""
    over = f", means over {content['seeds']} seeds ± 95 % interval" if content["seeds"] > 1 else ""
    epochs = f"{content['epochs']} epoch{'s' * (content['epochs'] > 1)}"
    versions, measured = content["versions"], {result["workload"] for result in content["results"]}
    return [
        f"Instructions of one training step, mean of the first epoch; accuracy after {epochs}{over}.",
        *(["conv: one backward step of a convolution."] if "conv" in measured else []),
        "M4 cycles: a model (docs/benchmarks.md). RAM: arena and trainer; flash: kernels and trainer; KB = 1024 B.",
        *(["Stack: what a step takes below its caller, apart from RAM."] if measured != {"conv"} else []),
        f"tflm-train {versions['package']}; {versions['compiler']}; {versions['qemu']}",
    ]


def _workload_table(results: list[Result]) -> Table:
    same = {name: len({show(r) for r in results}) == 1 for name, show in DISTINCT.items()}
    said = [f"{name} {show(results[0])}" for name, show in DISTINCT.items() if same[name] and show(results[0]) != "-"]
    table = _compact(", ".join([results[0]["workload"], results[0]["device"], *said]))
    shown = {name: show for name, show in DISTINCT.items() if not same[name]}
    shown |= {name: show for name, show in NUMBERS.items() if {show(r) for r in results} - {"0", "-"}}
    for name in shown:
        table.add_column(name.replace(" ", "\n"), justify="left" if name == "build" else "right", no_wrap=True)
    for result in results:
        table.add_row(selector(result), *(show(result) for show in shown.values()))
    table.width = Console(width=WIDEST).measure(table).maximum  # numbers are not shortened, however narrow the terminal
    return table


def _peer_table(workload: str, peers: list[dict[str, Any]]) -> Table:
    table = _compact(f"{workload}, others: {peers[0]['command']}", first="library")
    table.add_column("version", overflow="fold")
    for name in ("step", "M4\ncycles", "RAM\nKB"):
        table.add_column(name, justify="right", no_wrap=True)
    for peer in peers:
        cycles = "-" if peer["cycles_model"] is None else f"{peer['cycles_model']:,}"
        row = peer["name"], peer["version"], f"{peer['instructions']:,}", cycles, kilobytes(peer["ram_bytes"])
        table.add_row(*row, style="dim")
    return table


def _profile_table(result: Result) -> Table:
    table = _compact(f"{result['workload']}, {selector(result)}, {result['build']}", first="function")
    table.add_column("instructions", justify="right", no_wrap=True)
    table.add_column("M4 cycles", justify="right", no_wrap=True)
    table.columns[0].no_wrap, table.columns[0].overflow = False, "fold"  # long names give way, numbers do not
    for row in result["profile"]:
        table.add_row(row["function"], f"{row['instructions']:,}", f"{row['cycles_model']:,}")
    return table


def _compact(title: str, first: str = "selector") -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 1, 0, 0))
    table.add_column(first, overflow="ellipsis", no_wrap=True)
    return table
