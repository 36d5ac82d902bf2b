// The nearest integer: steps below half a unit are lost.
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

struct Rule {
  template <class Integer, class Gradient>
  static void Run(const IntegerRow<Integer, Gradient>& row) {
    ForEachStep(row, 0, [&row](uint32_t at, typename Wider<Integer>::Type step) {
      row.values[at] = ClampTo(row.most, row.values[at] + step);
    });
  }
};

}  // namespace

const Update kNearestUpdate(UpdateId::kNearest, false, Rule());

}  // namespace tflm_train
