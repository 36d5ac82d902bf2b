// Adam (Kingma, Ba 2015), with the constants and the place of epsilon that Keras has.
#include "tflm_train/kernels/math.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

constexpr float kRestOfMean = 0.1f;      // 1 - beta_1
constexpr float kRestOfSquare = 0.001f;  // 1 - beta_2
constexpr float kEpsilon = 1e-7f;

/// shared[2] are 1 - beta_1^t and 1 - beta_2^t of the t-th update: the parts of the true means that means from zero
/// have reached.
void Begin(float* shared) {
  shared[0] += kRestOfMean * (1.0f - shared[0]);
  shared[1] += kRestOfSquare * (1.0f - shared[1]);
}

/// Means of the gradient and of its square: m <- m + (1 - beta_1) (g - m), v <- v + (1 - beta_2) (g^2 - v);
/// w <- w - learning_rate sqrt(1 - beta_2^t) / (1 - beta_1^t) m / (sqrt(v) + epsilon).
void Run(const ParameterRow& row) {
  const float rate = row.options.learning_rate * Sqrt(row.shared[1]) / row.shared[0];
  for (uint32_t i = 0; i < row.elements; ++i) {
    const uint32_t at = i * row.step;
    const float gradient = row.gradient[i];
    float &mean = row.state[2 * at], &square = row.state[2 * at + 1];
    mean += kRestOfMean * (gradient - mean);
    square += kRestOfSquare * (gradient * gradient - square);
    row.weights[at] -= rate * mean / (Sqrt(square) + kEpsilon);
  }
}

}  // namespace

const Optimizer kAdamOptimizer(OptimizerId::kAdam, Run, Begin);

}  // namespace tflm_train
