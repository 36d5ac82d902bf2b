// Momentum (Polyak): a velocity of each weight, which is the sum of its past updates, each one decayed.
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

/// As Keras' SGD(momentum): v <- m v - learning_rate g, w <- w + v.
void Run(const ParameterRow& row) {
  const float momentum = row.options.momentum, rate = row.options.learning_rate;
  for (uint32_t i = 0; i < row.elements; ++i) {
    const uint32_t at = i * row.step;
    row.state[at] = momentum * row.state[at] - rate * row.gradient[i];
    row.weights[at] += row.state[at];
  }
}

}  // namespace

const Optimizer kMomentumOptimizer(OptimizerId::kMomentum, Run);

}  // namespace tflm_train
