// Stochastic rounding: a step to nearest with 16 fraction bits, then 16 random bits, then the shift, so that the mean
// over all random values is the step itself.
#include "tflm_train/kernels/s8/rounding.h"
#include "tflm_train/policies/policies.h"

namespace tflm_train {
namespace {

constexpr int kBits = 16;
static_assert(kUpdateStateBytes[static_cast<uint32_t>(UpdateId::kStochastic)] == sizeof(uint32_t));

/// The n-th number of a sequence: its bits are those of n mixed by the finaliser of MurmurHash3.
uint32_t Random(uint32_t seed, uint32_t n) {
  uint32_t bits = (n + seed) * 0x9E3779B9u + seed;
  bits = (bits ^ bits >> 16) * 0x85EBCA6Bu;
  bits = (bits ^ bits >> 13) * 0xC2B2AE35u;
  return bits ^ bits >> 16;
}

struct Rule {
  template <class Integer, class Gradient>
  static void Run(const IntegerRow<Integer, Gradient>& row) {
    uint32_t drawn = *row.state;
    ForEachStep(row, kBits, [&](uint32_t at, typename Wider<Integer>::Type step) {
      const uint32_t random = Random(row.seed, drawn++) >> (32 - kBits);
      row.values[at] = ClampTo(row.most, row.values[at] + RoundStochastically(step, kBits, random));
    });
    *row.state = drawn;
  }
};

}  // namespace

const Update kStochasticUpdate(UpdateId::kStochastic, false, Rule());

}  // namespace tflm_train
