"""What makes on-device training cheaper, and what it costs in accuracy: every method on many adaptation tasks.

    python benchmarks/efficacy --data SETS --models MODELS --output RESULTS

Every method gets the best of three learning rates for each task, found with two seeds of their own; then 5 seeds draw
samples, noise and order, the same for all methods. Work is all of a run: forward, input error, weight gradient, update,
selection, and the search for a learning rate where a method searches. RESULTS/efficacy.csv gets a line for each run and
is read first: a run that is there is not done again. RESULTS/report.md and its plots are written anew each time.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from efficacy.emulated import emulated_table
from efficacy.methods import METHODS
from efficacy.report import write_report
from efficacy.study import Study
from efficacy.tasks import TASKS


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of the sets, NAME.npz")
    parser.add_argument("--models", type=Path, help="folder of MLPerf Tiny's models, for three of the tasks")
    parser.add_argument("--output", type=Path, default=Path("build/efficacy"))
    parser.add_argument("--tasks", nargs="*", choices=TASKS, metavar="TASK", help=f"of: {'; '.join(TASKS)}")
    parser.add_argument("--methods", nargs="*", choices=METHODS, metavar="METHOD", help=f"of: {'; '.join(METHODS)}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--epochs", type=int, help="of all tasks, in an --output of its own; default: each task's")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--report-only", action="store_true", help="of the runs that are there")
    parser.add_argument("--device", metavar="qemu:BOARD", help="instructions of the tasks' runs there, nothing else")
    options = parser.parse_args(arguments)
    options.output.mkdir(parents=True, exist_ok=True)
    study = Study(options)
    if options.device:
        print(emulated_table(study.tasks, study.rates("dense"), study.folders, options.output, options.device))
        return
    if not options.report_only:
        study.run()
    rows = study.results()
    write_report(rows, options.output)
    Console().print(f"{options.output / 'report.md'}: {len(rows)} runs")


if __name__ == "__main__":
    main()
