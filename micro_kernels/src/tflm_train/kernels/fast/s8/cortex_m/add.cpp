#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

/// A factor that shifts to the right by at most 20: a sum below 2^30 stays in 32 bits.
struct RightFactor {
  RightFactor(const Factors& factors, uint32_t channel)
      : multiplier(factors.pairs[channel * factors.step]),
        right(-factors.pairs[channel * factors.step + 1]),
        half(right > 0 ? 1 << (right - 1) : 0),
        one_if_negative(right > 0 ? ~0u : 0) {}
  bool quick() const { return right >= 0 && right <= 20; }

  /// Requantize of half of a number.
  TFLM_TRAIN_ALWAYS_INLINE int32_t OfHalf(int32_t twice) const {
    int32_t value;
    __asm("smmulr %0, %1, %2" : "=r"(value) : "r"(twice), "r"(multiplier));
    value += half + static_cast<int32_t>(static_cast<uint32_t>(value >> 31) & one_if_negative);  // ties: away from zero
    return value >> right;
  }

  int32_t multiplier, right, half;
  uint32_t one_if_negative;
};

}  // namespace

void AddRow(const tflm_train::s8::AddStage& stage, int32_t sign, const int8_t* a, const int8_t* b, uint32_t n,
            int8_t* y) {
  const RightFactor of_a(stage.factors, 0), of_b(stage.factors, 1), of_sum(stage.factors, 2);
  if (!of_a.quick() || !of_b.quick() || !of_sum.quick()) return portable::AddRow(stage, sign, a, b, n, y);
  const int32_t zero_a = stage.zero_a, zero_b = stage.zero_b, zero_point = stage.zero_point, low = stage.low,
                high = stage.high;
  for (uint32_t i = 0; i < n; ++i) {
    const int32_t p = of_a.OfHalf((a[i] - zero_a) * (1 << 21)), q = of_b.OfHalf((b[i] - zero_b) * (1 << 21));
    const int32_t sum = of_sum.OfHalf(2 * (p + sign * q)) + zero_point;
    y[i] = static_cast<int8_t>(sum < low ? low : sum > high ? high : sum);
  }
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
