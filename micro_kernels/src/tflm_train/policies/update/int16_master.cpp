// An integer and its remainder, one byte in 1/256 of a unit, are one number: the step is rounded to that. Forward
// kernels read the integer, which is the number's nearest.
#include "tflm_train/policies/policies.h"
#include "tflm_train/policies/update/rounding.h"

namespace tflm_train {
namespace {

template <class Integer>
void Run(const IntegerRow<Integer>& row) {
  using Wide = typename Wider<Integer>::Type;
  constexpr Wide kParts = 256;
  const float factor = row.factor * static_cast<float>(kParts);
  const Wide lowest = -kParts * row.most - kParts / 2, highest = kParts * row.most + kParts / 2 - 1;
  for (uint32_t i = 0; i < row.elements; ++i) {
    Integer& value = row.values[i * row.step];
    int8_t& remainder = row.remainders[i * row.step];
    Wide joined = kParts * value + remainder + RoundHalfUp<Integer>(factor * row.gradient[i]);
    joined = joined < lowest ? lowest : joined > highest ? highest : joined;
    const Wide nearest = (joined + kParts / 2) >> 8;
    value = static_cast<Integer>(nearest);
    remainder = static_cast<int8_t>(joined - kParts * nearest);
  }
}

}  // namespace

const Update kInt16MasterUpdate(UpdateId::kInt16Master, true, Run<int8_t>, Run<int32_t>);

}  // namespace tflm_train
