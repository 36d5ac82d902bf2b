#include "tflm_train/kernels/fast/vector.h"

#include <cstring>
#include <limits>

#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {
namespace fast {
namespace {

inline int32_t Bits(const float* x) {
  int32_t bits;
  std::memcpy(&bits, x, sizeof bits);
  return bits;
}

struct Range {
  float low, high;
};

Range RangeOf(Activation activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  switch (activation) {
    case Activation::kRelu:
      return {0.0f, kInfinity};
    case Activation::kRelu6:
      return {0.0f, 6.0f};
    case Activation::kReluN1To1:
      return {-1.0f, 1.0f};
    case Activation::kNone:
      break;
  }
  return {-kInfinity, kInfinity};
}

}  // namespace

float LowerBound(Activation activation) {
  return RangeOf(activation).low;
}

void AddBias(const float* bias, Activation activation, float* y, int32_t rows, int32_t channels) {
  if (!bias && activation == Activation::kNone) return;
  if (!bias || activation == Activation::kRelu6 || activation == Activation::kReluN1To1) {
    const Range range = RangeOf(activation);
    for (; rows > 0; --rows) {
      for (int32_t c = 0; c < channels; ++c, ++y) {
        const float value = bias ? *y + bias[c] : *y;
        *y = value < range.low ? range.low : (range.high < value ? range.high : value);
      }
    }
    return;
  }
  // Without a clamp no float is below `low`.
  const float low = LowerBound(activation);
  for (; rows > 0; --rows) {
    const float* b = bias;
    int32_t left = channels;
    for (; left >= 4; left -= 4, b += 4, y += 4) {
      const float y0 = y[0] + b[0], y1 = y[1] + b[1], y2 = y[2] + b[2], y3 = y[3] + b[3];
      y[0] = y0 < low ? low : y0;
      y[1] = y1 < low ? low : y1;
      y[2] = y2 < low ? low : y2;
      y[3] = y3 < low ? low : y3;
    }
    for (; left > 0; --left, ++y) {
      const float value = *y + *b++;
      *y = value < low ? low : value;
    }
  }
}

void MaskError(Activation activation, const float* y, float* dy, uint32_t n) {
  if (activation == Activation::kNone) return;
  if (activation != Activation::kRelu) {
    const Range range = RangeOf(activation);
    for (; n > 0; --n, ++y, ++dy) {
      if (!(range.low < *y && *y < range.high)) *dy = 0.0f;
    }
    return;
  }
  // y is the output of a ReLU: positive exactly when its bits are, as an integer.
  for (; n >= 4; n -= 4, y += 4, dy += 4) {
    const int32_t y0 = Bits(y), y1 = Bits(y + 1), y2 = Bits(y + 2), y3 = Bits(y + 3);
    if (y0 <= 0) dy[0] = 0.0f;
    if (y1 <= 0) dy[1] = 0.0f;
    if (y2 <= 0) dy[2] = 0.0f;
    if (y3 <= 0) dy[3] = 0.0f;
  }
  for (; n > 0; --n, ++dy) {
    if (Bits(y++) <= 0) *dy = 0.0f;
  }
}

void BiasGradient(const Selection& selection, const float* error, uint32_t elements, uint32_t channels, float scale,
                  float* dbias) {
  if (selection.mode == Selection::Mode::kList) {
    for (uint32_t i = 0; i < selection.count; ++i) {
      const uint32_t element = selection[i];
      dbias[element % channels] += scale * error[element];
    }
    return;
  }
  // Four channels at a time, so that their sums stay in registers.
  uint32_t channel = 0;
  for (; channel + 4 <= channels; channel += 4) {
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    for (uint32_t i = channel; i < elements; i += channels) {
      s0 += error[i];
      s1 += error[i + 1];
      s2 += error[i + 2];
      s3 += error[i + 3];
    }
    dbias[channel] += scale * s0;
    dbias[channel + 1] += scale * s1;
    dbias[channel + 2] += scale * s2;
    dbias[channel + 3] += scale * s3;
  }
  for (; channel < channels; ++channel) {
    float sum = 0.0f;
    for (uint32_t i = channel; i < elements; i += channels) sum += error[i];
    dbias[channel] += scale * sum;
  }
}

}  // namespace fast
}  // namespace tflm_train
