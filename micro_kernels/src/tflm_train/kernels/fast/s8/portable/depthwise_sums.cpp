#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace portable {
namespace {

const int16_t* ErrorsAt(const int16_t* errors, const ReadingTap& tap) {
  return errors + tap.error / static_cast<int32_t>(sizeof *errors);
}

}  // namespace

void SumTaps(const ReadingTap* taps, int32_t count, const int16_t* errors, const int8_t* w, int32_t channels,
             int32_t* sums) {
  int32_t c = 0;
  for (; c + 4 <= channels; c += 4) {
    int32_t s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (int32_t i = 0; i < count; ++i) {
      const int16_t* e = ErrorsAt(errors, taps[i]) + c;
      const int8_t* weights = w + taps[i].weight + c;
      s0 += e[0] * weights[0];
      s1 += e[1] * weights[1];
      s2 += e[2] * weights[2];
      s3 += e[3] * weights[3];
    }
    sums[c] = s0, sums[c + 1] = s1, sums[c + 2] = s2, sums[c + 3] = s3;
  }
  for (; c < channels; ++c) {
    int32_t sum = 0;
    for (int32_t i = 0; i < count; ++i) sum += ErrorsAt(errors, taps[i])[c] * w[taps[i].weight + c];
    sums[c] = sum;
  }
}

void SumPositions(const TapPositions& p, int32_t channels, int32_t* sums, int32_t step) {
  for (int32_t c = 0; c < channels; ++c, sums += step) {
    const int16_t* errors = p.errors + c;
    const int8_t* x = p.x + c;
    int32_t sum = 0;
    for (int32_t row = 0; row < p.rows; ++row, errors += p.error_row, x += p.x_row) {
      for (int32_t i = 0; i < p.columns; ++i) sum += errors[i * p.error_column] * (x[i * p.x_column] - p.zero);
    }
    *sums = sum;
  }
}

}  // namespace portable
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
