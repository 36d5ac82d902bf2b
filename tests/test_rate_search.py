"""``learning_rate="auto"``: what it finds, what it tells, and that nothing is left of what it tries."""

from __future__ import annotations

import math

import networks
import numpy as np
import pytest

import tflm_train as tt


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
