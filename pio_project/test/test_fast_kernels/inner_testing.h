// The inner loops of every build that this target has, and what their tests share.
#pragma once

#include <limits>
#include <string>
#include <vector>

#include "../test_kernels/kernel_testing.h"
#include "tflm_train/kernels/fast/inner_cortex_m.h"
#include "tflm_train/kernels/fast/inner_portable.h"

namespace tflm_train {
namespace testing {

inline constexpr double kFastTolerance = 1e-6;
inline constexpr int32_t kLongest = 40;  // beyond every block size and its tails
inline constexpr float kGuard = 12345.0f;
inline constexpr float kInfinity = std::numeric_limits<float>::infinity();

struct Inner {
  const char* name;
  decltype(&portable::Axpy) axpy;
  decltype(&portable::SumsPatches) sums_patches;
  decltype(&portable::SumPatches) sum_patches;
  decltype(&portable::ScatterPixels) scatter_pixels;
  decltype(&portable::DotRows) dot_rows;
  decltype(&portable::UpdateRows) update_rows;
  decltype(&portable::MultiplyAdd) multiply_add;
  decltype(&portable::ConvTile1) conv_tile_1;
  decltype(&portable::ConvTile4) conv_tile_4;
  decltype(&portable::PoolTile) pool_tile;
  decltype(&portable::ConvPoolRow1) conv_pool_row_1;
  decltype(&portable::ConvPoolRow4) conv_pool_row_4;
  decltype(&portable::Clear) clear;
  decltype(&portable::CopyRows) copy_rows;
  decltype(&portable::AllFinite) all_finite;
  decltype(&portable::MaskRectified) mask_rectified;
};

inline const Inner kInners[] = {
    {"portable", portable::Axpy, portable::SumsPatches, portable::SumPatches, portable::ScatterPixels,
     portable::DotRows, portable::UpdateRows, portable::MultiplyAdd, portable::ConvTile1, portable::ConvTile4,
     portable::PoolTile, portable::ConvPoolRow1, portable::ConvPoolRow4, portable::Clear, portable::CopyRows,
     portable::AllFinite, portable::MaskRectified},
#if TFLM_TRAIN_HAS_CORTEX_M_FPU
    {"cortex_m", cortex_m::Axpy, cortex_m::SumsPatches, cortex_m::SumPatches, cortex_m::ScatterPixels,
     cortex_m::DotRows, cortex_m::UpdateRows, cortex_m::MultiplyAdd, cortex_m::ConvTile1, cortex_m::ConvTile4,
     cortex_m::PoolTile, cortex_m::ConvPoolRow1, cortex_m::ConvPoolRow4, cortex_m::Clear, cortex_m::CopyRows,
     cortex_m::AllFinite, cortex_m::MaskRectified},
#endif
};

/// A vector whose data begin `shift` floats behind the allocation, with guards on both sides.
class Shifted {
 public:
  Shifted(Random& random, size_t n, size_t shift) : values_(n + shift + 1, kGuard), shift_(shift) {
    for (size_t i = 0; i < n; ++i) values_[shift + i] = random.Uniform<float>();
  }
  float* data() { return values_.data() + shift_; }
  std::vector<float> Copy() const { return {values_.begin() + static_cast<ptrdiff_t>(shift_), values_.end() - 1}; }
  bool GuardsIntact() const {
    for (size_t i = 0; i < shift_; ++i) {
      if (values_[i] != kGuard) return false;
    }
    return values_.back() == kGuard;
  }

 private:
  std::vector<float> values_;
  size_t shift_;
};

inline double Worst(double worst, double now) { return now <= worst ? worst : now; }

}  // namespace testing
}  // namespace tflm_train
