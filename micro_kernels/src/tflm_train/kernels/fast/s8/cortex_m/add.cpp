#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"

#if TFLM_TRAIN_HAS_CORTEX_M_DSP

#include "tflm_train/kernels/fast/s8/cortex_m/dsp.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace cortex_m {
namespace {

/// A factor as it meets twice a number below 2^29: it shifts to the right by 1 to 20.
struct RightFactor {
  explicit RightFactor(const int32_t* pair) : multiplier(pair[0]), right(-pair[1]) {}
  bool quick() const { return right >= 1 && right <= 20; }

  int32_t multiplier, right;
};

/// The same of an operand, whose number is taken 2^20 times: a half is also a factor of 1 and a shift by one more.
struct OperandFactor : RightFactor {
  OperandFactor(const int32_t* pair, int32_t zero) : RightFactor(pair), times(1 << 21) {
    if (right == 0 && multiplier == 1 << 30) times = 1 << 22, right = 1;
    less = -zero * times;
  }

  int32_t times, less;
};

// Requantize of half a number in `sum`, plus what `zero` is: the carry rounds the shift up, and one less for negative
// numbers turns ties away from zero.
#define TFLM_TRAIN_OF_HALF(sum, multiplier, right, zero) \
  "smmulr " sum ", " sum ", " multiplier                 \
  "\n"                                                   \
  "add " sum ", " sum ", " sum                           \
  ", asr #31\n"                                          \
  "asrs " sum ", " sum ", " right                        \
  "\n"                                                   \
  "adc " sum ", " sum ", " zero "\n"

TFLM_TRAIN_ALWAYS_INLINE inline int32_t Operand(const OperandFactor& factor, int32_t value) {
  value = value * factor.times + factor.less;
  __asm(TFLM_TRAIN_OF_HALF("%[value]", "%[multiplier]", "%[right]", "#0")
        : [value] "+r"(value)
        : [multiplier] "r"(factor.multiplier), [right] "r"(factor.right)
        : "cc");
  return value;
}

TFLM_TRAIN_ALWAYS_INLINE inline int32_t Sum(const RightFactor& factor, int32_t sum, int32_t zero_point) {
  sum *= 2;
  __asm(TFLM_TRAIN_OF_HALF("%[sum]", "%[multiplier]", "%[right]", "%[zero]") "ssat %[sum], #8, %[sum]\n"
        : [sum] "+r"(sum)
        : [multiplier] "r"(factor.multiplier), [right] "r"(factor.right), [zero] "r"(zero_point)
        : "cc");
  return sum;
}

/// Four at a time, so that what no register holds is loaded once for all.
template <bool kSubtracts>
uint32_t QuickRow(const tflm_train::s8::AddStage& stage, const OperandFactor of_a, const OperandFactor of_b,
                  const RightFactor of_sum, const int8_t* a, const int8_t* b, uint32_t n, int8_t* y) {
  const int32_t zero_point = stage.zero_point;
  const uint32_t lows = FourTimes(stage.low), highs = FourTimes(stage.high);
  const auto join = [](int32_t p, int32_t q) { return kSubtracts ? p - q : p + q; };
  uint32_t done = 0;
  for (; done + 4 <= n; done += 4) {
    const int32_t p0 = Operand(of_a, a[done]), p1 = Operand(of_a, a[done + 1]), p2 = Operand(of_a, a[done + 2]),
                  p3 = Operand(of_a, a[done + 3]);
    const int32_t s0 = join(p0, Operand(of_b, b[done])), s1 = join(p1, Operand(of_b, b[done + 1])),
                  s2 = join(p2, Operand(of_b, b[done + 2])), s3 = join(p3, Operand(of_b, b[done + 3]));
    StoreWord(PackClamped(Sum(of_sum, s0, zero_point), Sum(of_sum, s1, zero_point), Sum(of_sum, s2, zero_point),
                          Sum(of_sum, s3, zero_point), lows, highs),
              y + done);
  }
  return done;
}

}  // namespace

void AddRow(const tflm_train::s8::AddStage& stage, int32_t sign, const int8_t* a, const int8_t* b, uint32_t n,
            int8_t* y) {
  const int32_t* const pairs = stage.factors.pairs;
  const uint32_t step = stage.factors.step;
  const OperandFactor of_a(pairs, stage.zero_a), of_b(pairs + step, stage.zero_b);
  const RightFactor of_sum(pairs + 2 * step);
  if (!of_a.quick() || !of_b.quick() || !of_sum.quick()) return portable::AddRow(stage, sign, a, b, n, y);
  const uint32_t done = (sign < 0 ? QuickRow<true> : QuickRow<false>)(stage, of_a, of_b, of_sum, a, b, n, y);
  portable::AddRow(stage, sign, a + done, b + done, n - done, y + done);
}

}  // namespace cortex_m
}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_HAS_CORTEX_M_DSP
