"""The command line: the same words as the Python API.

Exit codes: 0 done; 2 the user's mistake (one line on stderr, nothing on stdout); 3 a tool is missing; 1 a defect.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer

from ..errors import MissingToolError, UserError
from ..version import __version__
from .bench import bench
from .convert import convert
from .demo import demo
from .evaluate import evaluate
from .inspect import inspect
from .train import train

DONE, DEFECT, USER_ERROR, MISSING_TOOL, INTERRUPTED = 0, 1, 2, 3, 130

app = typer.Typer(
    name="tflm-train",
    help="On-device training for TensorFlow Lite Micro.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (convert, inspect, train, evaluate, demo, bench):
    app.command(_command.__name__)(_command)


def _print_version(wanted: bool | None) -> None:
    if wanted:
        print(f"tflm-train {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool | None, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = None,
) -> None:
    """On-device training for TensorFlow Lite Micro."""


def _complain(error: object) -> None:
    print(" ".join(str(error).split()), file=sys.stderr)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Parameters
    ----------
    arguments : sequence of str, optional
        Default: those of the process.

    Returns
    -------
    int
        Exit code.
    """
    try:
        code = app(args=None if arguments is None else list(arguments), prog_name="tflm-train", standalone_mode=False)
        sys.stdout.flush()
    except MissingToolError as error:
        _complain(error)
        return MISSING_TOOL
    except UserError as error:
        _complain(error)
        return USER_ERROR
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:  # the reader of stdout has gone
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if hasattr(error, "format_message"):  # a bad option or a missing argument
            _complain(f"{error.format_message()} (tflm-train --help lists commands and options)")
            return USER_ERROR
        traceback.print_exc()
        return DEFECT
    return code if isinstance(code, int) else DONE
