// NaN and infinity.
#ifndef TFLM_TRAIN_POLICIES_FINITE_H_
#define TFLM_TRAIN_POLICIES_FINITE_H_

#include <cstdint>

#include "tflm_train/base/float_bits.h"
#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {

/// No number is NaN or infinite, whatever the compiler's flags say about such numbers.
inline bool AllFinite(const float* values, uint32_t count) { return inner::AllFinite(values, count); }

/// The same for numbers that a loop has at hand anyway.
class FiniteCheck {
 public:
#if TFLM_TRAIN_TUNED
  /// 0 * value is NaN for NaN and infinity, and a sum with NaN is NaN.
  void Add(float value) { __asm("vfma.f32 %0, %1, %2" : "+t"(found_) : "t"(value), "t"(0.0f)); }
  bool Passed() const { return found_ == 0.0f; }

 private:
  float found_ = 0.0f;
#else
  /// The exponent of NaN and infinity, all ones, overflows into the sign.
  void Add(float value) { found_ |= (BitsOf(value) & 0x7F800000u) + 0x00800000u; }
  bool Passed() const { return found_ >> 31 == 0; }

 private:
  uint32_t found_ = 0;
#endif
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_FINITE_H_
