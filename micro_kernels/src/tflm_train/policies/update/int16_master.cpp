// An integer and its remainder, one byte in 1/256 of a unit, are one number: the step is rounded to that. Forward
// kernels read the integer, which is the number's nearest.
#include <type_traits>

#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

constexpr int kBits = 8;  // of a remainder

/// All steps are below half a part, which is rounded to nothing.
bool Vanishes(const FloatGradient&) { return false; }
bool Vanishes(const SumGradient&) { return false; }
bool Vanishes(const ProductGradient& products) {
  return products.factor.multiplier == 0 || products.factor.shift >= 40 + kBits;
}

struct Rule {
  static void Add(const FloatGradient& gradient, uint32_t n, int8_t* values, int8_t* remainders) {
    fast::s8::inner::AddToMasters(gradient.factor * static_cast<float>(1 << kBits), gradient.values, n, values,
                                  remainders);
  }
  static void Add(const SumGradient& sums, uint32_t n, int8_t* values, int8_t* remainders) {
    fast::s8::inner::AddSumsToMasters(TimesPowerOfTwo(sums.factor, kBits), sums.values, n, values, remainders);
  }
  static void Add(const ProductGradient& products, uint32_t n, int8_t* values, int8_t* remainders) {
    fast::s8::inner::AddProductsToMasters(TimesPowerOfTwo(products.factor, kBits), products.values, n, values,
                                          remainders);
  }

  template <class Integer, class Gradient>
  static void Run(const IntegerRow<Integer, Gradient>& row) {
    if (Vanishes(row.gradient)) return;
    if constexpr (kFastKernels && std::is_same_v<Integer, int8_t>) {
      if (row.step == 1) return Add(row.gradient, row.elements, row.values, row.remainders);
    }
    ForEachStep(row, kBits, [&row](uint32_t at, typename Wider<Integer>::Type step) {
      AddToMaster(step, row.most, row.values[at], row.remainders[at]);
    });
  }
};

}  // namespace

const Update kInt16MasterUpdate(UpdateId::kInt16Master, true, Rule());

}  // namespace tflm_train
