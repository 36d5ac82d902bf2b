"""The command line: the same words as the Python API.

Exit codes: 0 done; 2 the user's mistake (one line on stderr, nothing on stdout); 3 a tool is missing; 1 a defect.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator, Sequence
from typing import Annotated

import typer

from ..errors import MissingToolError, UserError
from ..version import __version__
from .bench import bench
from .convert import convert
from .demo import demo
from .evaluate import evaluate
from .exit_codes import DEFECT, DONE, INTERRUPTED, MISSING_TOOL, TERMINATED, USER_ERROR
from .inspect import inspect
from .teach import teach
from .train import train

app = typer.Typer(
    name="tflm-train",
    help="On-device training for TensorFlow Lite Micro.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
for _command in (convert, inspect, train, teach, evaluate, demo, bench):
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


@contextlib.contextmanager
def _clean_termination() -> Iterator[None]:
    """SIGTERM ends the command as Ctrl-C does: devices are closed, temporary files removed."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(TERMINATED))
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


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
        given = None if arguments is None else list(arguments)
        with _clean_termination():
            code = app(args=given, prog_name="tflm-train", standalone_mode=False)
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
