"""The adaptation tasks: a network that knows one world, and samples of another."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from adaptation import Samples, network_layers, pretrained, rotate, shift

from .sets import load

KEYWORD_MODEL = "mlperf_tiny/kws_ref_model_float32.tflite"
IMAGE_MODEL = "mlperf_tiny/pretrainedResnet_float.tflite"
MOST_STATISTICS = 300  # samples whose statistics are stored
BASE_SAMPLES = 20000  # that a network is trained on before the shift
PATIENTS_AFTER = 1  # flag of their records
WEARERS_AFTER = (3, 8, 9, 11)  # people with some hundred windows each


@dataclass(frozen=True)
class Folders:
    """
    Attributes
    ----------
    data : Path
        Of the sets.
    models : Path or None
        Of models that others trained: KEYWORD_MODEL and IMAGE_MODEL in it.
    """

    data: Path
    models: Path | None


@dataclass(frozen=True)
class Adaptation:
    """What one seed trains and tests on, float32 samples and class numbers."""

    x: np.ndarray
    y: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray


@dataclass(frozen=True)
class Task:
    """
    Attributes
    ----------
    name : str
    needs : str
        Set that it reads.
    network : str
        Of ``adaptation.NETWORKS``, trained on ``before``; or the path of a model in the folder of models.
    samples, epochs : int
        Of training after the shift.
    learning_rate : float
        In the middle of those that are tried for each method.
    before : callable
        Folders -> samples from before the shift, which a network that comes from no file is trained on.
    tested : int
        Samples to test on.
    trial_epochs : int or None
        Of runs that compare learning rates, where whole runs would take hours.
    after : callable
        Folders, random generator -> samples to train on and to test on after the shift.
    """

    name: str
    needs: str
    network: str
    samples: int
    epochs: int
    learning_rate: float
    before: Callable[[Folders], Samples]
    after: Callable[[Folders, np.random.Generator], tuple[Samples, Samples]]
    tested: int = 1000
    trial_epochs: int | None = None

    @property
    def is_file(self) -> bool:
        """Whether the model comes from the folder of models."""
        return self.network.endswith(".tflite")

    def missing(self, folders: Folders) -> str | None:
        """The file that the task lacks."""
        data = folders.data / f"{self.needs}.npz"
        if not data.exists():
            return str(data)
        if self.is_file and (folders.models is None or not (folders.models / self.network).exists()):
            return f"{self.network} of --models"
        return None

    def model(self, folders: Folders, cache_folder: Path) -> Path:
        """The model that knows the world before the shift; trained once and kept."""
        if self.is_file:
            assert folders.models is not None
            return folders.models / self.network
        path = cache_folder / f"{self.name}.tflite"
        if not path.exists():
            path.write_bytes(pretrained(self.network, self.before(folders), seed=0))
        return path

    def known(self, folders: Folders) -> np.ndarray:
        """Unlabelled samples from before the shift."""
        x = self.before(folders)[0]
        return x[np.random.default_rng(0).permutation(len(x))[:MOST_STATISTICS]]

    def draw(self, folders: Folders, seed: int) -> Adaptation:
        """The samples of a seed."""
        rng = np.random.default_rng(seed)
        (x, y), (xt, yt) = self.after(folders, rng)
        chosen, tested = rng.permutation(len(x))[: self.samples], rng.permutation(len(xt))[: self.tested]
        return Adaptation(x[chosen], y[chosen].astype(np.int32), xt[tested], yt[tested].astype(np.int32))


@cache
def _set(folder: Path, name: str) -> dict[str, np.ndarray]:
    return load(folder, name)


def _digits(folders: Folders, part: str, name: str = "mnist") -> Samples:
    arrays = _set(folders.data, name)
    return (arrays[f"x_{part}"] / np.float32(255))[..., None], arrays[f"y_{part}"].astype(np.int32)


def _flat(samples: Samples) -> Samples:
    return samples[0].reshape(len(samples[0]), -1), samples[1]


def _first(samples: Samples, count: int) -> Samples:
    return samples[0][:count], samples[1][:count]


def _some(samples: Samples, count: int, rng: np.random.Generator) -> Samples:
    chosen = rng.permutation(len(samples[0]))[:count]
    return samples[0][chosen], samples[1][chosen]


def _faded(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Grey on a lighter ground, and noise."""
    return (0.4 * x + 0.15 + 0.15 * rng.normal(size=x.shape)).astype(np.float32)


def _shifted(
    form: Callable[[np.ndarray, np.random.Generator], np.ndarray], flat: bool, tested: int = 2000
) -> Callable[[Folders, np.random.Generator], tuple[Samples, Samples]]:
    """Digits of a changed form."""

    def after(folders: Folders, rng: np.random.Generator) -> tuple[Samples, Samples]:
        parts = [_some(_digits(folders, part), tested, rng) for part in ("train", "test")]
        formed = [(form(x, rng), y) for x, y in parts]
        return (_flat(formed[0]), _flat(formed[1])) if flat else (formed[0], formed[1])

    return after


def _half_of_digits(folders: Folders) -> Samples:
    """Digits 0 to 4, among which one 9: a network of ten outputs is trained on them."""
    x, y = _flat(_first(_digits(folders, "train"), 2 * BASE_SAMPLES))
    known = y < 5
    known[np.flatnonzero(y == 9)[0]] = True
    return x[known], y[known]


def _all_digits(folders: Folders, rng: np.random.Generator) -> tuple[Samples, Samples]:
    return _flat(_digits(folders, "train")), _flat(_digits(folders, "test"))


def _fashion(folders: Folders, rng: np.random.Generator) -> tuple[Samples, Samples]:
    return _digits(folders, "train", "fashion_mnist"), _digits(folders, "test", "fashion_mnist")


def _parts(samples: Samples, rng: np.random.Generator, most: int) -> tuple[Samples, Samples]:
    """To train on, at most half of them, and to test on."""
    training = min(most, len(samples[0]) // 2)
    order = rng.permutation(len(samples[0]))
    x, y = samples[0][order], samples[1][order]
    return (x[:training], y[:training]), (x[training:], y[training:])


def _clean_keywords(folders: Folders) -> Samples:
    arrays = _set(folders.data, "mlperf_kws01")
    x = (arrays["mfcc_int8"].astype(np.float32) - int(arrays["mfcc_zero"])) * np.float32(arrays["mfcc_scale"])
    return x[..., None], arrays["y"].astype(np.int32)


def _keywords(folders: Folders, rng: np.random.Generator) -> tuple[Samples, Samples]:
    x, y = _clean_keywords(folders)
    return _parts((shift("microphone", x, rng), y), rng, 500)


def _beats(folders: Folders, new: bool) -> Samples:
    arrays = _set(folders.data, "mitbih_ecg_beats")
    of = (arrays["is_ds2"] == PATIENTS_AFTER) == new
    return (arrays["x_int16"][of] * np.float32(arrays["scale"]))[..., None], arrays["y"][of].astype(np.int32)


def _motion(folders: Folders, new: bool) -> tuple[Samples, np.ndarray]:
    """Windows of the wearers before or after, and the recording each comes from."""
    arrays = _set(folders.data, "hmp_wrist_har")
    people = arrays["subject"]
    of = np.isin(people, WEARERS_AFTER) == new
    x = (arrays["x"][of].astype(np.float32) - 32) / 16
    recording = people[of].astype(np.int64) * 10000 + arrays["y"][of].astype(np.int64) * 100 + arrays["trial"][of]
    return (x, arrays["y"][of].astype(np.int32)), recording


def _new_wearers(folders: Folders, rng: np.random.Generator) -> tuple[Samples, Samples]:
    """Halves of the recordings: windows of one recording are alike."""
    (x, y), recording = _motion(folders, True)
    recordings = rng.permutation(np.unique(recording))
    training = np.isin(recording, recordings[: len(recordings) // 2])
    return (x[training], y[training]), (x[~training], y[~training])


def _gas(folders: Folders, later: bool) -> Samples:
    """Scaled as the first two batches are."""
    arrays = _set(folders.data, "gas_drift")
    first = arrays["batch"] <= 2
    x = arrays["x"]
    x = np.clip((x - x[first].mean(axis=0)) / x[first].std(axis=0), -10, 10).astype(np.float32)
    of = ~first if later else first
    return x[of], arrays["y"][of].astype(np.int32)


def _images(name: str) -> Callable[[Folders, np.random.Generator], tuple[Samples, Samples]]:
    def after(folders: Folders, rng: np.random.Generator) -> tuple[Samples, Samples]:
        arrays = _set(folders.data, "cifar10")
        training = _some((arrays["x_train"], arrays["y_train"]), 600, rng)
        test = _some((arrays["x_test"], arrays["y_test"]), 500, rng)
        shifted = [(shift(name, x.astype(np.float32), rng), y) for x, y in (training, test)]
        return shifted[0], shifted[1]

    return after


def _turned(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rotate(x, 45.0)


def _clean_images(folders: Folders) -> Samples:
    arrays = _set(folders.data, "cifar10")
    return arrays["x_train"][-MOST_STATISTICS:].astype(np.float32), arrays["y_train"][-MOST_STATISTICS:]


def _flat_digits(folders: Folders) -> Samples:
    return _first(_flat(_digits(folders, "train")), BASE_SAMPLES)


def _digit_images(folders: Folders) -> Samples:
    return _first(_digits(folders, "train"), BASE_SAMPLES)


TASKS = {
    task.name: task
    for task in (
        Task("digits 0-4 to 0-9", "mnist", "mlp", 1000, 8, 1e-2, _half_of_digits, _all_digits),
        Task("turned digits, MLP", "mnist", "mlp", 1000, 8, 1e-2, _flat_digits, _shifted(_turned, True)),
        Task("faded digits, MLP", "mnist", "mlp", 1000, 8, 1e-2, _flat_digits, _shifted(_faded, True)),
        Task("turned digits, CNN", "mnist", "lenet", 1000, 8, 1e-2, _digit_images, _shifted(_turned, False)),
        Task("digits to clothes, CNN", "fashion_mnist", "lenet", 2000, 5, 1e-2, _digit_images, _fashion),
        Task("heart beats, new patients", "mitbih_ecg_beats", "conv1d", 1000, 8, 1e-2,
             lambda folders: _beats(folders, False), lambda folders, rng: _parts(_beats(folders, True), rng, 4000)),
        Task("activities, new wearers", "hmp_wrist_har", "conv1d", 600, 10, 3e-3,
             lambda folders: _motion(folders, False)[0], _new_wearers),
        Task("gas sensors, drift", "gas_drift", "mlp", 600, 10, 1e-2,
             lambda folders: _gas(folders, False), lambda folders, rng: _parts(_gas(folders, True), rng, 2000)),
        Task("keywords, microphone and noise", "mlperf_kws01", KEYWORD_MODEL, 500, 8, 1e-3,
             _clean_keywords, _keywords, 500),
        Task("images, contrast", "cifar10", IMAGE_MODEL, 600, 4, 3e-5, _clean_images, _images("contrast"), 500, 1),
        Task("images, noise", "cifar10", IMAGE_MODEL, 600, 4, 3e-5, _clean_images, _images("noise"), 500, 1),
    )
}  # fmt: skip

__all__ = ["TASKS", "Adaptation", "Folders", "Task", "network_layers"]
