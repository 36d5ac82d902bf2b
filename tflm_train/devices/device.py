"""What every device does, whether it is this process, an emulated board or a real one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from ..converters.plan_format import ScalarType
from ..errors import DeviceError

NO_SLOT = 0xFFFFFFFF


@dataclass(frozen=True)
class StepLog:
    """Training steps of one call.

    Attributes
    ----------
    losses : ndarray, float32 [done]
        Before each sample's update, times its weight.
    correct : ndarray, uint32 [done]
        In how many of each sample's decisions (``losses.Objective.decisions``) the output agreed with the label before
        the update.
    trained : ndarray, bool [done]
        Whether each sample had its backward pass: not if its weight is 0 or the gate left it out.
    clipped : ndarray, bool [done]
        Whether each sample's error at the output was larger than the option ``clip`` lets pass.
    non_finite : bool
        The next sample gave NaN or infinity: training stopped there, and the sample changed no weight.
    """

    losses: np.ndarray
    correct: np.ndarray
    trained: np.ndarray
    clipped: np.ndarray
    non_finite: bool = False

    @property
    def done(self) -> int:
        """Steps that came to their end."""
        return len(self.losses)


def stored_dtype(parameter: np.ndarray) -> np.dtype:
    """Of a parameter's values on a device and in the file."""
    return ScalarType(int(parameter["type"])).dtype


def stored_values(parameters: np.ndarray, values: list[np.ndarray], model: str) -> list[np.ndarray]:
    """Values for a plan's parameters as devices store them: flat and of their types.

    Parameters
    ----------
    parameters : ndarray
        Records of the plan.
    values : list of ndarray
        For a parameter of integers in its own type.
    model : str
        For messages.

    Raises
    ------
    DeviceError
        Another number of arrays, another size or type.
    """
    if [np.size(array) for array in values] != parameters["elements"].tolist():
        raise DeviceError(f"{model}: the values do not have the parameters' sizes")
    stored = []
    for index, (array, parameter) in enumerate(zip(map(np.asarray, values), parameters)):
        dtype = stored_dtype(parameter)
        if array.dtype != dtype and dtype.kind != "f":
            raise DeviceError(f"{model}: the values for parameter {index} are {array.dtype}, it holds {dtype}")
        stored.append(np.ascontiguousarray(array, dtype).reshape(-1))
    return stored


class Device(Protocol):
    """A trainer with one model loaded.

    ``x`` is float32 [n, inputs], ``labels`` int32 [n] (class numbers), int32 [n, rows] (one for each row of the output)
    or float32 [n, outputs], ``weights`` of the samples float32 [n], finite and not negative; all C-contiguous. Every
    method raises ``DeviceError`` when the device refuses, ``NonFiniteError`` for NaN or infinity.

    Attributes
    ----------
    name : str
    arena_bytes : int
        Of the arena that the device gives the model.
    counts_instructions : bool
    """

    name: str
    arena_bytes: int
    counts_instructions: bool

    def train(self, x: np.ndarray, labels: np.ndarray, order: np.ndarray, weights: np.ndarray | None = None) -> StepLog:
        """Train on the samples that `order` (uint32 [k]) names, one after the other. `weights`: what each sample's
        loss is multiplied by; None: 1."""
        ...

    def remember(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Keep activations of samples with class numbers, by a plan with replay, and train nothing: their slots, uint32
        [n], NO_SLOT where the samples that are there already leave no room."""
        ...

    def replay(self, slots: np.ndarray, numbers: np.ndarray | None = None) -> StepLog:
        """Train what lies behind the cut on the activations in `slots` (uint32 [k]), one after the other. `numbers`:
        those of their samples in the schedule."""
        ...

    def draw(self, count: int) -> np.ndarray:
        """Slots by chance, of those with something in them: uint32 [count]; empty if there are none."""
        ...

    def forget(self) -> None:
        """Empty all slots."""
        ...

    def measure(self, x: np.ndarray) -> None:
        """Take samples into the statistics of activations, by a plan that aligns, behind those that are there.
        ``NonFiniteError``: there are none any more."""
        ...

    def judge_alignment(self, x: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
        """How many decisions are correct without and with the correction by these statistics, of all samples judged
        since the first one was measured."""
        ...

    def accept_alignment(self, margin: float) -> bool:
        """Whether more than this part of what was judged is gained: then the weights have taken the correction over,
        else none has changed. Statistics start anew."""
        ...

    def forget_alignment(self) -> None:
        """Start statistics anew."""
        ...

    def teach(self, x: np.ndarray, labels: np.ndarray) -> None:
        """Take in samples with class numbers, which set the weights of those classes; all of them are spare ones of the
        plan that no step has trained. After an error those in front of the refused one are taken in."""
        ...

    def begin_schedule(self, samples: int, threshold: float) -> None:
        """From now on samples are those of a run, by their positions in ``x``: ``train`` remembers which of them were
        easy (1 - exp(-loss) below the threshold), starting with nothing remembered. 0 samples: no schedule."""
        ...

    def next_epoch(self, samples: int) -> np.ndarray:
        """Which samples of the schedule take part in the next epoch, bool [samples]. The others sit it out."""
        ...

    def flush(self) -> None:
        """Apply the gradients of an unfinished group of accumulated samples."""
        ...

    def evaluate(self, x: np.ndarray, labels: np.ndarray, weights: np.ndarray | None = None) -> tuple[float, int]:
        """Mean over the samples of loss times weight, and number of correct decisions, without training."""
        ...

    def predict(self, x: np.ndarray) -> np.ndarray:
        """Outputs, float32 [n, outputs]."""
        ...

    def parameters(self) -> list[tuple[int, np.ndarray]]:
        """Trained values: index of the tensor in the ``.tflite``, and a copy of its elements (flat, of the type that
        the file stores)."""
        ...

    def set_parameters(self, values: list[np.ndarray]) -> None:
        """Overwrite all trained values, in the order and types of ``parameters``."""
        ...

    def state(self) -> bytes:
        """Everything that training changes: weights, waiting gradients and the number of their samples, selectors."""
        ...

    def set_state(self, state: bytes) -> None:
        """Go back to what ``state`` returned: every step since is undone."""
        ...

    def counters(self) -> dict[str, int]:
        """Work since the last ``reset_counters``, by phase; evaluations may count too."""
        ...

    def instructions(self) -> tuple[dict[str, int], int]:
        """Instructions by phase since the last ``reset_counters``, and the steps that they were counted in.

        Raises
        ------
        DeviceError
            The device cannot count them.
        """
        ...

    def reset_counters(self) -> None:
        """Start counting from zero."""
        ...

    def options(self) -> dict[str, Any]:
        """Training options in force, by the names of ``TrainingConfig``."""
        ...

    def set_options(self, **changes: Any) -> None:
        """Change options between steps. A refused change leaves all as they were."""
        ...

    def reset(self) -> None:
        """Weights as in the file, state and counters as after loading; options stay."""
        ...

    def close(self) -> None:
        """Release the device; further calls fail."""
        ...
