#include "tflm_train/kernels/fast/vector.h"

#include <limits>

#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {
namespace fast {
namespace {

struct Range {
  float low, high;
};

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr Range kRanges[] = {{-kInfinity, kInfinity}, {0.0f, kInfinity}, {-1.0f, 1.0f}, {0.0f, 6.0f}};  // by Activation
static_assert(static_cast<uint32_t>(Activation::kNone) == 0 && static_cast<uint32_t>(Activation::kRelu) == 1 &&
              static_cast<uint32_t>(Activation::kReluN1To1) == 2 && static_cast<uint32_t>(Activation::kRelu6) == 3);

Range RangeOf(Activation activation) { return kRanges[static_cast<uint32_t>(activation)]; }

}  // namespace

float LowerBound(Activation activation) { return RangeOf(activation).low; }

void AddBias(const float* bias, Activation activation, float* y, int32_t rows, int32_t channels) {
  const Range range = RangeOf(activation);
  for (; rows > 0; --rows) {
    for (int32_t c = 0; c < channels; ++c, ++y) {
      const float value = bias != nullptr ? *y + bias[c] : *y;
      *y = value < range.low ? range.low : (range.high < value ? range.high : value);
    }
  }
}

void MaskError(Activation activation, const float* y, float* dy, uint32_t n) {
  if (activation == Activation::kNone) return;
  if (activation == Activation::kRelu) return inner::MaskRectified(y, dy, n);
  const Range range = RangeOf(activation);
  for (; n > 0; --n, ++y, ++dy) {
    if (!(range.low < *y && *y < range.high)) *dy = 0.0f;
  }
}

void BiasGradient(const RowSink<float>& sink, float* biases, const Selection& selection, const float* dy,
                  uint32_t elements, uint32_t channels) {
  if (sink.rule != nullptr) return sink.rule->end_biases(sink, biases, selection, dy, elements, channels);
  const float scale = sink.scale;
  const float *const end = dy + elements, *const biases_end = biases + channels;
  for (; biases_end - biases >= 4; biases += 4, dy += 4) {  // their sums stay in registers
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    const float* error = dy;
    do {
      s0 += error[0];
      s1 += error[1];
      s2 += error[2];
      s3 += error[3];
      error += channels;
    } while (error < end);
    biases[0] += scale * s0;
    biases[1] += scale * s1;
    biases[2] += scale * s2;
    biases[3] += scale * s3;
  }
  for (; biases != biases_end; ++biases, ++dy) {
    float sum = 0.0f;
    const float* error = dy;
    do {
      sum += *error;
      error += channels;
    } while (error < end);
    *biases += scale * sum;
  }
}

}  // namespace fast
}  // namespace tflm_train
