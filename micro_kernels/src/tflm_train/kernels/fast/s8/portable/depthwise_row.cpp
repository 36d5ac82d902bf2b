// A row of a depthwise convolution in plain C++. Words of four channels: their biases, then weights [tap, 4] of 16
// bits.
#include <cstring>

#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {

void PackFourChannels(const FourFilters& f, const ChannelTerms (&terms)[4], bool, uint32_t* words) {
  int32_t sums[4] = {};
  const int8_t* w = f.w;
  for (int32_t tap = 0; tap < f.taps; ++tap, w += f.step) {
    int16_t weights[4];
    for (int32_t c = 0; c < 4; ++c) {
      weights[c] = c < f.channels ? w[c] : int16_t{0};
      sums[c] += weights[c];
    }
    std::memcpy(words + 4 + 2 * tap, weights, sizeof weights);
  }
  for (int32_t c = 0; c < 4; ++c) words[c] = static_cast<uint32_t>(WrappingAdd(terms[c].bias, -f.x_zero * sums[c]));
}

void DepthwiseRow(const DepthwiseFilters& f, const DepthwisePositions& positions, const int8_t* strip, int8_t* y) {
  for (int32_t left = positions.count; left > 0; --left, strip += positions.x_step, y += positions.y_step) {
    const uint32_t* words = f.words;
    for (int32_t c = 0; c < f.channels; c += 4, words += FourChannels(f.taps)) {
      uint32_t s0 = words[0], s1 = words[1], s2 = words[2], s3 = words[3];
      for (int32_t tap = 0; tap < f.taps; ++tap) {
        int16_t w[4];
        std::memcpy(w, words + 4 + 2 * tap, sizeof w);
        const int8_t* x = strip + f.offsets[tap] + c;
        s0 += static_cast<uint32_t>(x[0] * w[0]);
        s1 += static_cast<uint32_t>(x[1] * w[1]);
        s2 += static_cast<uint32_t>(x[2] * w[2]);
        s3 += static_cast<uint32_t>(x[3] * w[3]);
      }
      const uint32_t sums[4] = {s0, s1, s2, s3};
      for (int32_t i = 0; i < 4 && c + i < f.channels; ++i) {
        y[c + i] = f.stage.Apply(static_cast<int32_t>(sums[i]), static_cast<uint32_t>(f.first + c + i));
      }
    }
  }
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
