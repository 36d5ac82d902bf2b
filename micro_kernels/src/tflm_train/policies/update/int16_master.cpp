// An integer and its remainder, one byte in 1/256 of a unit, are one number: the step is rounded to that. Forward
// kernels read the integer, which is the number's nearest.
#include <type_traits>

#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

constexpr int kBits = 8;  // of a remainder

struct Rule {
  template <class Integer, class Gradient>
  static void Run(const IntegerRow<Integer, Gradient>& row) {
    if constexpr (kFastKernels && std::is_same_v<IntegerRow<Integer, Gradient>, IntegerRow<int8_t, FloatGradient>>) {
      if (row.step == 1 && row.most == 127) {
        return fast::s8::inner::AddToMasters(row.gradient.factor * static_cast<float>(1 << kBits), row.gradient.values,
                                             row.elements, row.values, row.remainders);
      }
    }
    ForEachStep(row, kBits, [&row](uint32_t at, typename Wider<Integer>::Type step) {
      AddToMaster(step, row.most, row.values[at], row.remainders[at]);
    });
  }
};

}  // namespace

const Update kInt16MasterUpdate(UpdateId::kInt16Master, true, Rule());

}  // namespace tflm_train
