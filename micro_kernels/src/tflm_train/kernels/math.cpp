#include "tflm_train/kernels/math.h"

#include <cfloat>

namespace tflm_train {
namespace {

#if defined(TFLM_TRAIN_PARITY) || TFLM_TRAIN_HAS_CORTEX_M_FPU
namespace chosen = basic;
#else
namespace chosen {
float Exp(float x) { return std::exp(x); }
float ClampedLog(float x) { return std::log(x < FLT_MIN ? FLT_MIN : x); }
}  // namespace chosen
#endif

}  // namespace

float ExpAndSum(float beta, const float* x, float shift, uint32_t n, float* y) {
  float sum = 0.0f;
  for (uint32_t i = 0; i < n; ++i) {
    const float value = chosen::Exp(beta * (x[i] - shift));
    y[i] = value;
    sum += value;
  }
  return sum;
}

float Exp(float x) { return ExpAndSum(1.0f, &x, 0.0f, 1, &x); }

float ClampedLog(float x) { return chosen::ClampedLog(x); }

}  // namespace tflm_train
