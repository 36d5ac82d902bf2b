"""Accuracy of sparse against dense training over seeds, for the reference workloads.

    python benchmarks/seeds.py [--seeds 10] [--epochs 5] [--mnist D.npz] [mlp cnn]

A seed draws the weights, the split of the data and the order of samples; dense and sparse runs of a seed share them.
Training runs in this process, with the portable build.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

import tflm_train as tt
from tflm_train.bench import workloads
from tflm_train.bench.confidence import mean_and_interval


def accuracy(workload: workloads.Workload, selector: str, epochs: int, seed: int) -> float:
    """In percent, on the test samples after training from the seed's weights."""
    config = tt.TrainingConfig(selector=selector, learning_rate=workload.learning_rate)
    data = workload.data
    with tt.Trainer(tt.convert(workload.network, config)) as trainer:
        trainer.fit(data.x, data.y, epochs=epochs, seed=seed, verbose=0).require_end()
        return 100 * trainer.evaluate(data.x_test, data.y_test)["accuracy"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="mlp cnn")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--mnist", type=Path)
    arguments = parser.parse_args()
    if arguments.seeds < 2:
        parser.error("--seeds must be at least 2")
    for name in arguments.names or workloads.WORKLOADS:
        if name not in workloads.WORKLOADS:
            parser.error(f"there is no workload {name}")
        found: dict[str, list[float]] = {"dense": [], "tinyprop": []}
        for seed in range(arguments.seeds):
            workload = workloads.WORKLOADS[name](seed, arguments.mnist)
            for selector, values in found.items():
                values.append(accuracy(workload, selector, arguments.epochs, seed))
        dense, sparse = (np.array(values) for values in found.values())
        print(f"{name}: {arguments.seeds} seeds, {arguments.epochs} epochs, accuracy in %, 95 % interval")
        print(f"  dense             {mean_and_interval(dense)}")
        print(f"  tinyprop          {mean_and_interval(sparse)}")
        print(f"  tinyprop - dense  {mean_and_interval(sparse - dense)}")


if __name__ == "__main__":
    main()
