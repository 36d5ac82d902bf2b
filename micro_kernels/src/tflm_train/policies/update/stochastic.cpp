// Stochastic rounding: a step to nearest with 16 fraction bits, then 16 random bits, then the shift, so that the mean
// over all random values is the step itself.
#include "tflm_train/base/counter_random.h"
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

constexpr int kBits = 16;
static_assert(kUpdateStateBytes[static_cast<uint32_t>(UpdateId::kStochastic)] == sizeof(uint32_t));

struct Rule {
  template <class Integer, class Gradient>
  static void Run(const IntegerRow<Integer, Gradient>& row) {
    uint32_t drawn = *row.state;
    ForEachStep(row, kBits, [&](uint32_t at, typename Wider<Integer>::Type step) {
      const uint32_t random = CounterRandom(row.seed, drawn++) >> (32 - kBits);
      row.values[at] = ClampTo(row.most, row.values[at] + RoundStochastically(step, kBits, random));
    });
    *row.state = drawn;
  }
};

}  // namespace

const Update kStochasticUpdate(UpdateId::kStochastic, false, Rule());

}  // namespace tflm_train
