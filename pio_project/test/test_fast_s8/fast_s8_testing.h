// The inner loops of every build that this target has, and stages of every kind.
#pragma once

#include <algorithm>
#include <vector>

#include "../test_kernels_s8/int8_testing.h"
#include "tflm_train/kernels/fast/s8/inner_cortex_m.h"
#include "tflm_train/kernels/fast/s8/inner_portable.h"

namespace tflm_train {
namespace testing {

struct InnerS8 {
  const char* name;
  decltype(&fast::s8::portable::Widen) widen;
  decltype(&fast::s8::portable::DotColumn) dot_column;
  decltype(&fast::s8::portable::DotColumns) dot_columns;
  decltype(&fast::s8::portable::AddToMasters) add_to_masters;
  decltype(&fast::s8::portable::AddSumsToMasters) add_sums_to_masters;
  decltype(&fast::s8::portable::AddProductsToMasters) add_products_to_masters;
  decltype(&fast::s8::portable::Shift) shift;
  decltype(&fast::s8::portable::LargestOf) largest_of;
  decltype(&fast::s8::portable::MaskClamped) mask_clamped;
  decltype(&fast::s8::portable::FoldErrors) fold_errors;
  decltype(&fast::s8::portable::SumErrors) sum_errors;
  decltype(&fast::s8::portable::SumMagnitudes) sum_magnitudes;
  decltype(&fast::s8::portable::AddedMagnitudes) added_magnitudes;
  decltype(&fast::s8::portable::PutSums) put_sums;
  decltype(&fast::s8::portable::AddSums) add_sums;
  decltype(&fast::s8::portable::AddRow) add_row;
};

#define TFLM_TRAIN_INNER_S8(inner)        \
  {#inner,                                \
   fast::s8::inner::Widen,                \
   fast::s8::inner::DotColumn,            \
   fast::s8::inner::DotColumns,           \
   fast::s8::inner::AddToMasters,         \
   fast::s8::inner::AddSumsToMasters,     \
   fast::s8::inner::AddProductsToMasters, \
   fast::s8::inner::Shift,                \
   fast::s8::inner::LargestOf,            \
   fast::s8::inner::MaskClamped,          \
   fast::s8::inner::FoldErrors,           \
   fast::s8::inner::SumErrors,            \
   fast::s8::inner::SumMagnitudes,        \
   fast::s8::inner::AddedMagnitudes,      \
   fast::s8::inner::PutSums,              \
   fast::s8::inner::AddSums,              \
   fast::s8::inner::AddRow}
inline const InnerS8 kInnersS8[] = {
    TFLM_TRAIN_INNER_S8(portable),
#if TFLM_TRAIN_HAS_CORTEX_M_DSP
    TFLM_TRAIN_INNER_S8(cortex_m),
#endif
};
#undef TFLM_TRAIN_INNER_S8

inline constexpr int8_t kGuardS8 = 77;

/// Integers whose data begin `shift` bytes behind an aligned address, with guards on both sides.
class Bytes {
 public:
  Bytes(Random& random, size_t n, size_t shift, int32_t low = -128) : values_(n + shift + 1, kGuardS8), shift_(shift) {
    const std::vector<int8_t> numbers = Integers(random, n, low);
    std::copy(numbers.begin(), numbers.end(), values_.begin() + static_cast<ptrdiff_t>(shift));
  }
  int8_t* data() { return values_.data() + shift_; }
  std::vector<int8_t> Copy() const { return {values_.begin() + static_cast<ptrdiff_t>(shift_), values_.end() - 1}; }
  bool GuardsIntact() const {
    return std::all_of(values_.begin(), values_.begin() + static_cast<ptrdiff_t>(shift_),
                       [](int8_t value) { return value == kGuardS8; }) &&
           values_.back() == kGuardS8;
  }

 private:
  std::vector<int8_t> values_;
  size_t shift_;
};

/// A workspace with a guard behind it, and numbers in it that a kernel must not read.
class Scratch {
 public:
  explicit Scratch(uint32_t elements) : values_((elements + 3) / 2, 0x4d4d4d4d), elements_(elements) {}
  Workspace<int16_t> workspace() { return {reinterpret_cast<int16_t*>(values_.data()), elements_}; }
  bool GuardIntact() const {
    int16_t guard;
    std::memcpy(&guard, reinterpret_cast<const int8_t*>(values_.data()) + elements_ * sizeof guard, sizeof guard);
    return guard == 0x4d4d;
  }

 private:
  std::vector<uint32_t> values_;  // aligned to a word
  uint32_t elements_;
};

/// Factors of every kind: those that kernels are quick with, the first and last of them, and those behind: no shift,
/// shifts to the left, far shifts to the right, multipliers below 2^30, zero.
class AnyStage {
 public:
  AnyStage(Random& random, uint32_t channels, bool per_channel, bool quick, bool far) : step_(per_channel ? 2 : 0) {
    constexpr int32_t kOdd[][2] = {{1 << 30, 0},      {1500000000, 0},     {1200000000, 3}, {1400000000, -21},
                                   {1400000000, -31}, {(1 << 30) - 1, -4}, {0, 0}};
    for (uint32_t c = 0; c < (per_channel ? channels : 1); ++c) {
      Pair32 pair = far ? RandomFactor(random, -20, -13) : RandomFactor(random, -12, -1);
      if (random.Below(8) == 0) pair.multiplier = random.Below(2) == 0 ? INT32_MAX : 1 << 30;
      if (!quick && random.Below(3) == 0) {
        const auto& odd = kOdd[random.Below(sizeof kOdd / sizeof kOdd[0])];
        pair = {odd[0], odd[1]};
      }
      pairs_.push_back(pair.multiplier);
      pairs_.push_back(pair.shift);
    }
    zero_point_ = static_cast<int32_t>(random.Below(256)) - 128;
    low_ = random.Below(2) == 0 ? -128 : zero_point_;
    high_ = random.Below(2) == 0 ? 127 : std::min<int32_t>(127, low_ + 60);
  }
  OutputStage stage() const { return {{pairs_.data(), step_}, zero_point_, low_, high_}; }

 private:
  std::vector<int32_t> pairs_;
  uint32_t step_;
  int32_t zero_point_, low_, high_;
};

/// Some of any size, most of the size of a sum of `terms` products.
inline std::vector<int32_t> Biases(Random& random, size_t n, bool extreme) {
  std::vector<int32_t> values = Integers<int32_t>(random, n, -9000, 9000);
  for (int32_t& value : values) {
    if (extreme && random.Below(3) == 0) value = static_cast<int32_t>(random.Next() << 8 | random.Below(256));
  }
  return values;
}

}  // namespace testing
}  // namespace tflm_train
