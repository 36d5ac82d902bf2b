"""``learning_rate="auto"``: what it finds, what it tells, and that nothing is left of what it tries."""

from __future__ import annotations

import math

import networks
import numpy as np
import pytest

import tflm_train as tt
from tflm_train.devices import StepLog
from tflm_train.history import PHASES
from tflm_train.rate_search import RateSearch
from tflm_train.samples import Samples


def trainer(**options) -> tt.Trainer:
    return tt.Trainer(tt.convert(networks.mlp(), tt.TrainingConfig(**options)))


def weights(trainer: tt.Trainer) -> bytes:
    return b"".join(values.tobytes() for _, values in trainer.device.parameters())


@pytest.mark.filterwarnings("ignore:x reaches")
@pytest.mark.parametrize("scale", [1, 100])  # at which the larger rates diverge
@pytest.mark.parametrize(
    "options", [{}, {"accumulate": 4}, {"optimizer": "momentum", "selector": "tinyprop"}, {"optimizer": "adam"}]
)
def test_training_goes_on_as_if_the_rate_had_been_given(options, scale, blobs):
    x, y = blobs[0] * np.float32(scale), blobs[1]
    searching, given = trainer(**options), trainer(**options)
    for each in (searching, given):
        each.fit(x[:50], y[:50], learning_rate=1e-6, verbose=0)  # there is a state to come back to
    found = searching.fit(x, y, epochs=2, learning_rate="auto", verbose=0)
    expected = given.fit(x, y, epochs=2, learning_rate=found.learning_rate, verbose=0)
    assert found.history == expected.history and weights(searching) == weights(given)
    assert searching.options == given.options
    assert found.steps == expected.steps
    assert found.forward_passes == found.steps + found.search_steps
    assert sum(found.counters.values()) == sum(expected.counters.values()) + found.search_macs
    assert found.search_steps > 0 and found.search_macs > 0


def test_the_rate_is_one_that_learns(blobs):
    model = tt.convert(networks.mlp())
    found = tt.Trainer(model).fit(*blobs, epochs=3, learning_rate="auto", verbose=0)
    losses = {}
    for rate in (1e-5, 1e-4, 1e-3, 1e-2, 1e-1):
        losses[rate] = tt.Trainer(model).fit(*blobs, epochs=3, learning_rate=rate, verbose=0).history["loss"][-1]
    assert found.history["loss"][-1] < 0.1 * losses[1e-5]
    assert found.history["loss"][-1] < sorted(losses.values())[2]
    rates = [one["learning_rate"] for one in found.tried]
    assert rates == sorted(rates) and len(rates) >= 4
    assert any(math.isclose(found.learning_rate, rate, rel_tol=1e-6) for rate in rates)


def test_of_rates_that_are_nearly_as_good_the_smallest_is_taken(blobs):
    found = trainer().fit(*blobs, learning_rate="auto", verbose=0)
    losses = {one["learning_rate"]: one["loss"] for one in found.tried}
    chosen = next(loss for rate, loss in losses.items() if math.isclose(rate, found.learning_rate, rel_tol=1e-6))
    smaller = [loss for rate, loss in losses.items() if rate < 0.99 * found.learning_rate]
    assert chosen >= min(losses.values()) and all(loss > chosen for loss in smaller)


@pytest.mark.filterwarnings("ignore:x reaches")
def test_a_diverging_rate_ends_the_way_up(blobs):
    found = trainer().fit(blobs[0] * np.float32(1e4), blobs[1], learning_rate="auto", verbose=0)
    assert found.stopped is None and found.learning_rate < 1e-3
    assert max(one["learning_rate"] for one in found.tried) < 0.1


def test_the_search_takes_some_percent_of_a_long_run(blobs):
    found = trainer().fit(*blobs, epochs=20, learning_rate="auto", verbose=0)
    assert found.search_steps <= 0.08 * found.steps


def test_too_few_samples_are_refused(blobs):
    one = trainer()
    before = weights(one)
    with pytest.raises(tt.UserError, match="learning_rate='auto' holds samples back .* of 4 too few remain"):
        one.fit(blobs[0][:4], blobs[1][:4], learning_rate="auto", verbose=0)
    assert weights(one) == before


def test_a_word_that_is_no_rate_is_refused(blobs):
    with pytest.raises(tt.UserError, match="learning_rate='best' is of the wrong type"):
        trainer().fit(*blobs, learning_rate="best", verbose=0)


class JudgedDevice:
    """Trains nothing: what the samples held back give depends on the rate alone."""

    counts_instructions = False

    def __init__(self, results: dict[float, tuple[float, int]]) -> None:
        self._results, self._rate, self._trained = results, 0.0, False

    def options(self) -> dict[str, float]:
        return {"learning_rate": self._rate}

    def set_options(self, learning_rate: float) -> None:
        self._rate = learning_rate

    def state(self) -> bytes:
        return b""

    def set_state(self, state: bytes) -> None:
        self._trained = False

    def reset_counters(self) -> None:
        pass

    def flush(self) -> None:
        pass

    def counters(self) -> dict[str, int]:
        return dict.fromkeys(PHASES, 0)

    def train(self, x, labels, order, weights) -> StepLog:
        self._trained, done = True, len(order)
        trained = np.ones(done, bool)
        return StepLog(np.zeros(done, np.float32), np.zeros(done, np.uint32), trained, ~trained, False)

    def evaluate(self, x, labels, weights) -> tuple[float, int]:
        nearest = min(self._results, key=lambda rate: abs(math.log(rate / self._rate))) if self._trained else 0.0
        return self._results[nearest] if nearest else START


START = 6.9, 76  # loss and correct samples of 200 before training


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        # from a bad start the large rates lower the loss most: to that of guessing
        ({1e-3: (6.6, 80), 3.2e-3: (6.2, 88), 1e-2: (5.5, 110), 3.2e-2: (5.8, 75), 1e-1: (2.31, 20)}, 1e-2),
        # where all are as accurate the loss decides, and of those that gain nearly as much the smallest
        ({1e-3: (6.6, 80), 3.2e-3: (6.2, 88), 1e-2: (2.2, 90), 3.2e-2: (2.1, 91), 1e-1: (3.0, 88)}, 1e-2),
        # rates at which all is lost do not hide those far below
        ({1e-5: (3.0, 110), 3.2e-5: (1.2, 160), 1e-4: (1.0, 170), 3.2e-4: (1.5, 140), 1e-3: (2.3, 20), 1e-1: (2.3, 20)},
         1e-4),
    ],
    ids=["bad start", "loss", "far below"],
)  # fmt: skip
def test_the_rate_is_judged_by_accuracy_and_loss(results, expected):
    x, labels = np.zeros((1000, 4), np.float32), np.zeros(1000, np.int32)
    history = tt.History()
    search = RateSearch(JudgedDevice(results), Samples(x, labels), 8, 0, history)
    assert search.run(lambda _: None) == pytest.approx(expected)
