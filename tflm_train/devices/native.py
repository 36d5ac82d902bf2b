"""The device runtime in this process: the C++ library as a compiled module."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..converters.options import device_numbers, read_device_options
from ..errors import DeviceError
from ..model import TrainableModel
from ..native_modules import load_module
from ..sizes import native_arena_bytes
from .device import NO_SLOT, StepLog, stored_values
from .refusals import NON_FINITE, OK, refusal


class NativeDevice:
    """See ``Device``. ``native-parity`` is the build whose results are equal bit for bit on all targets.

    Parameters
    ----------
    model : TrainableModel
    arena_bytes : int, optional
    name : str
    from_cut : bool
        See ``open_device``.
    """

    counts_instructions = False

    def __init__(
        self, model: TrainableModel, arena_bytes: int | None = None, name: str = "native", from_cut: bool = False
    ) -> None:
        self.name = name
        from_cut = from_cut or model.has_external_body
        self.arena_bytes = native_arena_bytes(model.plan, from_cut) if arena_bytes is None else arena_bytes
        self._module = load_module(name)
        self._model_name = model.name
        self._parameters = model.plan.parameters
        self._trainer: Any = self._call(self._module.NativeTrainer, model.data, self.arena_bytes, from_cut)

    def _call(self, function: Any, *arguments: Any, **options: Any) -> Any:
        try:
            return function(*arguments, **options)
        except self._module.NativeError as error:
            raise self._translate(error) from None

    def _translate(self, error: Any) -> DeviceError:
        subject = f" ({error.subject})" if error.subject else ""
        required = f"; {error.required_bytes} bytes are needed" if error.required_bytes else ""
        return refusal(error.status, f"{self._model_name}: {error.text.rstrip('.')}{subject}{required}")

    def train(self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, weights: np.ndarray | None = None) -> StepLog:
        return self._log(*self._call(self._trainer.train, x, labels, order, weights))

    def _log(
        self,
        losses: np.ndarray,
        correct: np.ndarray,
        trained: np.ndarray,
        clipped: np.ndarray,
        done: int,
        status: int,
    ) -> StepLog:
        if status not in (OK, NON_FINITE):
            raise DeviceError(f"{self._model_name}: {self._module.status_text(status)}")
        return StepLog(losses[:done], correct[:done], trained[:done], clipped[:done], status == NON_FINITE)

    def teach(self, x: np.ndarray, labels: np.ndarray) -> None:
        self._call(self._trainer.teach, x, labels)

    def remember(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        return np.asarray(self._call(self._trainer.remember, x, labels, weights))

    def replay(self, slots: np.ndarray, numbers: np.ndarray | None = None) -> StepLog:
        named = np.full(len(slots), NO_SLOT, np.uint32) if numbers is None else numbers
        return self._log(*self._call(self._trainer.replay, slots, named))

    def draw(self, count: int) -> np.ndarray:
        return np.asarray(self._trainer.draw(count if self._trainer.kept_slots else 0))

    def forget(self) -> None:
        self._trainer.forget()

    def measure(self, x: np.ndarray) -> None:
        self._call(self._trainer.measure, x)

    def judge_alignment(self, x: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
        _, before, after = self._call(self._trainer.judge_alignment, x, labels)
        return int(before), int(after)

    def accept_alignment(self, margin: float) -> bool:
        return bool(self._call(self._trainer.accept_alignment, margin))

    def forget_alignment(self) -> None:
        self._trainer.forget_alignment()

    def alignment_sums(self) -> np.ndarray:
        """Layer by layer of those that are aligned: for each channel the sum over samples of the mean of its distance
        from the plan's mean, then for each that of its square."""
        return np.asarray(self._trainer.alignment_sums())

    def begin_schedule(self, samples: int, threshold: float) -> None:
        self._call(self._trainer.begin_schedule, samples, threshold)

    def next_epoch(self, samples: int) -> np.ndarray:
        return np.asarray(self._call(self._trainer.next_epoch, samples))

    def flush(self) -> None:
        self._call(self._trainer.flush)

    def evaluate(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, int]:
        loss, correct = self._call(self._trainer.evaluate, x, labels, weights)
        return float(loss), int(correct)

    def predict(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._call(self._trainer.predict, x))

    def gradients(self) -> list[np.ndarray]:
        """Sums over the samples that wait for their update, one for each parameter, flat; zeros after it."""
        return [np.array(values).reshape(-1) for values in self._trainer.gradients()]

    def parameters(self) -> list[tuple[int, np.ndarray]]:
        return [(int(tensor), np.asarray(values).reshape(-1)) for tensor, values in self._trainer.parameters()]

    def set_parameters(self, values: list[np.ndarray]) -> None:
        for index, array in enumerate(stored_values(self._parameters, values, self._model_name)):
            self._call(self._trainer.set_parameter, index, array)

    def state(self) -> bytes:
        return bytes(self._trainer.state())

    def set_state(self, state: bytes) -> None:
        self._call(self._trainer.set_state, state)

    def counters(self) -> dict[str, int]:
        return dict(self._trainer.counters())

    def instructions(self) -> tuple[dict[str, int], int]:
        raise DeviceError(f"device {self.name} does not count instructions")

    def reset_counters(self) -> None:
        self._trainer.reset_counters()

    def options(self) -> dict[str, Any]:
        return read_device_options(self._trainer.options())

    def set_options(self, **changes: Any) -> None:
        self._call(self._trainer.set_options, **device_numbers(changes))

    def reset(self) -> None:
        self._call(self._trainer.reset)

    def close(self) -> None:
        self._trainer = None
