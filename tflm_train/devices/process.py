"""A device that is a child process: bytes through its standard input and output."""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from typing import Any

from .protocol import TransportClosed

EXIT_SECONDS = 2.0  # to end by itself when its input is closed
WRITE_SECONDS = 5.0
PR_SET_PDEATHSIG = 1
MESSAGE_CHARACTERS = 400


def _end_with_parent() -> Any:
    """For Popen: the child is killed when this process dies by whatever cause, where the system can do that.

    The signal follows the thread that starts the child, so only the main thread, which lives to the end, asks for it.
    """
    if sys.platform != "linux" or threading.current_thread() is not threading.main_thread():
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    return lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class ProcessTransport:
    """See ``Transport``.

    Parameters
    ----------
    command : list of str
        Program and arguments.
    lossless : bool
        See ``Transport``.
    """

    def __init__(self, command: list[str], lossless: bool = True) -> None:
        self.lossless = lossless
        self._errors = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            preexec_fn=_end_with_parent(),
            start_new_session=True,  # Ctrl-C ends the training, not the device under it
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin.fileno(), self._process.stdout.fileno()
        os.set_blocking(self._input, False)

    @property
    def pid(self) -> int:
        """Process number."""
        return self._process.pid

    def write(self, data: bytes) -> None:
        deadline = time.monotonic() + WRITE_SECONDS
        view = memoryview(data)
        while view:
            _, ready, _ = select.select([], [self._input], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return  # it does not read: the missing answer will tell
            try:
                view = view[os.write(self._input, view) :]
            except BrokenPipeError:
                raise TransportClosed(self._last_words()) from None

    def read(self, seconds: float) -> bytes:
        ready, _, _ = select.select([self._output], [], [], max(0.0, seconds))
        if not ready:
            return b""
        data = os.read(self._output, 1 << 16)
        if not data:
            raise TransportClosed(self._last_words())
        return data

    def _last_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(EXIT_SECONDS)
        code = self._process.poll()
        self._errors.seek(0)
        text = " ".join(self._errors.read().decode("utf-8", "replace").split())[-MESSAGE_CHARACTERS:]
        if code is None:
            end = "its process closed its output"
        elif code < 0:
            end = f"its process was ended by signal {signal.Signals(-code).name}"
        else:
            end = f"its process ended with status {code}"
        return f"{end}: {text}" if text else end

    def close(self) -> None:
        process = self._process
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            process.wait(EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._errors.close()
