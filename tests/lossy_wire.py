"""A pseudo-terminal with the native agent behind it, and a wire between them that can fail."""

from __future__ import annotations

import os
import pty
import select
import subprocess
import threading
import tty
from collections.abc import Callable
from types import TracebackType

from tflm_train.devices import build
from tflm_train.devices.protocol import Transport

# takes a frame (without separators) and its number, counted from 1; gives what arrives of it
Fault = Callable[[bytes, int], bytes]


def intact(frame: bytes, number: int) -> bytes:
    """Nothing is lost."""
    return frame


def drop_every(period: int) -> Fault:
    """Every n-th frame is lost."""
    return lambda frame, number: b"" if number % period == 0 else frame


class FaultyTransport:
    """A transport that loses or damages whole frames.

    Parameters
    ----------
    transport : Transport
    to_device, from_device : Fault
    """

    lossless = False

    def __init__(self, transport: Transport, to_device: Fault, from_device: Fault) -> None:
        self._transport = transport
        self._faults = to_device, from_device
        self._waiting = [b"", b""]
        self._frames = [0, 0]

    def _pass(self, way: int, data: bytes) -> bytes:
        *frames, self._waiting[way] = (self._waiting[way] + data).split(b"\0")
        arrived = b""
        for frame in filter(None, frames):
            self._frames[way] += 1
            arrived += b"\0" + self._faults[way](frame, self._frames[way]) + b"\0"
        return arrived

    def write(self, data: bytes) -> None:
        self._transport.write(self._pass(0, data))

    def read(self, seconds: float) -> bytes:
        return self._pass(1, self._transport.read(seconds))

    def close(self) -> None:
        self._transport.close()


class AgentOnTerminal:
    """A board on a serial port, but for the board and the port.

    Parameters
    ----------
    to_agent, from_agent : Fault
        What happens to frames on the way.
    memory : int
        Bytes that the agent may use.

    Attributes
    ----------
    port : str
        Name of the terminal.
    frames : list of int
        Frames that were sent to the agent and by the agent.
    """

    def __init__(self, to_agent: Fault = intact, from_agent: Fault = intact, memory: int = 1 << 20) -> None:
        self._master, self._slave = pty.openpty()
        tty.setraw(self._master)
        tty.setraw(self._slave)
        self.port = os.ttyname(self._slave)
        self.frames = [0, 0]
        command = [str(build.native_agent()), str(memory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0)
        assert self.process.stdin is not None and self.process.stdout is not None
        self._ends = self.process.stdin.fileno(), self.process.stdout.fileno()
        self._faults = to_agent, from_agent
        self._stopped = threading.Event()
        self._relay = threading.Thread(target=self._run)
        self._relay.start()

    def __enter__(self) -> AgentOnTerminal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.unplug()
        self.process.kill()
        self.process.communicate()

    def unplug(self) -> None:
        """The port vanishes."""
        if not self._stopped.is_set():
            self._stopped.set()
            self._relay.join()
            for end in (self._master, self._slave):
                os.close(end)

    def _run(self) -> None:
        to_agent, from_agent = self._ends
        ways = {self._master: (0, to_agent), from_agent: (1, self._master)}
        waiting = {source: b"" for source in ways}
        while not self._stopped.is_set():
            for source in select.select(list(ways), [], [], 0.02)[0]:
                way, sink = ways[source]
                data = os.read(source, 4096)
                if not data:
                    return
                *frames, waiting[source] = (waiting[source] + data).split(b"\0")
                for frame in filter(None, frames):
                    self.frames[way] += 1
                    arrived = self._faults[way](frame, self.frames[way])
                    try:
                        os.write(sink, b"\0" + arrived + b"\0")
                    except OSError:
                        return
