"""A plan's own options make the same plan again."""

from __future__ import annotations

import networks
import pytest

import tflm_train as tt
from tflm_train.plan_config import plan_config

CONFIGS = [
    tt.TrainingConfig(),
    tt.TrainingConfig.paper(layers="last:1", learning_rate=0.003, seed=9),
    tt.TrainingConfig(selector="static-topk", ratio=0.25, loss="mse", accumulate=7, zero_skip=False),
    tt.TrainingConfig(selector="tinyprop", s_min=0.2, s_max=0.7, damping=0.3, decay=0.5, layers="last:2"),
]


@pytest.mark.parametrize("config", CONFIGS, ids=str)
@pytest.mark.parametrize("network", [networks.mlp, networks.cnn])
def test_the_same_plan_comes_back(network, config: tt.TrainingConfig) -> None:
    model = tt.convert(network(), config)
    assert tt.convert(model.data, plan_config(model.plan)).data == model.data
