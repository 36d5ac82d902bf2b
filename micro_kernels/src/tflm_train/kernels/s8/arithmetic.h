// ADD, SUB and MUL in int8 with numpy broadcasting.
#ifndef TFLM_TRAIN_KERNELS_S8_ARITHMETIC_H_
#define TFLM_TRAIN_KERNELS_S8_ARITHMETIC_H_

#include "tflm_train/kernels/arithmetic.h"
#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace s8 {

/// How ADD and SUB bring operands of two scales to that of their sum: 20 bits to the left, to twice the larger scale,
/// and from there to the output's.
struct AddStage {
  int32_t zero_a, zero_b;
  Factors factors;  // channels 0 and 1: of the operands; 2: of the sum
  int32_t zero_point, low, high;

  int32_t Scaled(int32_t operand, int32_t channel) const {
    return factors.Requantize(WrappingMultiply(operand, int32_t{1} << 20), static_cast<uint32_t>(channel));
  }
  int8_t Output(int32_t sum) const {
    return Int8Range{low, high}.Clamp(WrappingAdd(factors.Requantize(sum, 2), zero_point));
  }
  /// a + sign b; sign is 1 or -1.
  int8_t Add(int32_t sign, int8_t a, int8_t b) const {
    return Output(WrappingAdd(Scaled(a - zero_a, 0), sign * Scaled(b - zero_b, 1)));
  }
};

/// y = a + sign b; `walk` as in float.
inline void AddForward(const StridedWalk& walk, const AddStage& stage, int32_t sign, const int8_t* a, const int8_t* b,
                       int8_t* y) {
  BroadcastForward(walk, a, b, y, [&stage, sign](int8_t p, int8_t q) { return stage.Add(sign, p, q); });
}

/// y = stage((a - zero_a) (b - zero_b)).
inline void MulForward(const StridedWalk& walk, int32_t zero_a, int32_t zero_b, const OutputStage& stage,
                       const int8_t* a, const int8_t* b, int8_t* y, WorkCounters& work) {
  BroadcastForward(walk, a, b, y, [&stage, zero_a, zero_b](int8_t p, int8_t q) {
    return stage.Apply((p - zero_a) * (q - zero_b), 0);
  });
  Count(work.forward, walk.elements());
}

/// da += dy * scale (b - zero); `walk`: a is the operand whose error it is, b the other one.
inline void MulBackward(const StridedWalk& walk, int32_t zero, float scale, const int8_t* b, const float* dy,
                        float* da) {
  const ptrdiff_t step_a = walk.row_stride_a(), step_b = walk.row_stride_b();
  ForEachRow(walk, [=, &walk](size_t first, ptrdiff_t at_a, ptrdiff_t at_b) {
    const float* row = dy + first;
    const int8_t* factor = b + at_b;
    float* target = da + at_a;
    for (uint32_t i = 0; i < walk.row_elements(); ++i, target += step_a, factor += step_b) {
      *target += row[i] * (scale * static_cast<float>(*factor - zero));
    }
  });
}

}  // namespace s8
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_S8_ARITHMETIC_H_
