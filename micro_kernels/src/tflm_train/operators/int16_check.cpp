#include "tflm_train/operators/int16_check.h"

namespace tflm_train {

MaskedErrors MaskInt16(const StepView& step, uint32_t low, uint32_t y, uint32_t dy, uint32_t dye) {
  auto* const errors = step.data<int16_t>(dy);
  const uint32_t elements = Elements(step.value(dy));
  const uint32_t magnitudes = MaskClamped(step.word(low), step.word(low + 1), step.data<int8_t>(y), elements, errors);
  return {errors, elements, magnitudes, BoundedExponent(*step.data<int32_t>(dye))};
}

ErrorSum SumInto(const StepView& step, uint32_t dx, uint32_t dxe, uint32_t output, const MaskedErrors& errors,
                 uint32_t terms) {
  return {step.data<int16_t>(dx),
          Elements(step.value(dx)),
          step.data<int32_t>(dxe),
          step.accumulates(output),
          errors.magnitudes,
          errors.exponent,
          terms};
}

}  // namespace tflm_train
