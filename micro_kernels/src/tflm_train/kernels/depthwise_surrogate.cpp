#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/magnitude.h"
#include "tflm_train/kernels/surrogate.h"

namespace tflm_train {

uint64_t DepthwiseSurrogate::InputErrorElements(const SurrogateShape& s) {
  return static_cast<uint64_t>(s.out_c()) + static_cast<uint64_t>(s.in_c());  // sums of taps, and of a patch
}

uint64_t DepthwiseSurrogate::WeightGradientElements(const SurrogateShape& s) {
  return static_cast<uint64_t>(s.out_c()) + static_cast<uint64_t>(s.taps);  // sums of channels, and a row of one
}

void DepthwiseSurrogate::InputError(const SurrogateErrors& errors, const float* w, float* workspace, float* dx,
                                    uint64_t& macs) {
  const SurrogateShape& s = errors.shape;
  const int32_t all = s.out_c(), multiplier = all / s.in_c();
  float* const filters = workspace;
  float* const sums = workspace + all;
  inner::Clear(filters, static_cast<uint32_t>(all));
  for (int32_t t = s.first_tap; t < s.first_tap + s.taps; ++t) {
    const ScaledPatch tap = {w + t * all, 1.0f};
    inner::SumRow(&tap, 1, all, filters);
  }
  const float* error = errors.means;
  for (int32_t row = 0; row < s.error.rows; ++row) {
    for (int32_t column = 0; column < s.error.columns; ++column) {
      inner::Clear(sums, static_cast<uint32_t>(s.in_c()));
      const float* filter = filters;
      uint64_t products = 0;
      for (float* sum = sums; sum != sums + s.in_c(); ++sum) {
        for (int32_t left = multiplier; left > 0; --left, ++error, ++filter) {
          if (!errors.zeros_too() && IsZero(error)) continue;
          *sum += *error * *filter;
          ++products;
        }
      }
      Count(macs, products);
      AddToPatch(s.input, row, column, sums, dx);
    }
  }
}

void DepthwiseSurrogate::WeightGradient(const SurrogateErrors& errors, const float* x, const RowSink<float>& sink,
                                        float* workspace, float* dw, uint64_t& macs) {
  const SurrogateShape& s = errors.shape;
  const int32_t all = s.out_c(), multiplier = all / s.in_c();
  float* const sums = workspace;
  float* const row = workspace + all;
  inner::Clear(sums, static_cast<uint32_t>(all));
  const float* error = errors.means;
  uint64_t products = 0;
  for (int32_t left = s.patches(); left > 0; --left) {
    float* sum = sums;
    for (int32_t channels = s.in_c(); channels > 0; --channels, ++x) {
      for (int32_t copies = multiplier; copies > 0; --copies, ++error, ++sum) {
        if (!errors.zeros_too() && IsZero(error)) continue;
        *sum += *error * *x;
        ++products;
      }
    }
  }
  Count(macs, products);
  const float* const end = errors.means + errors.elements();
  dw += s.first_tap * all;
  for (int32_t channel = 0; channel < all; ++channel) {
    if (!errors.selection.every_row() && AllZero(errors.means + channel, end, static_cast<uint32_t>(all))) continue;
    for (int32_t t = 0; t < s.taps; ++t) row[t] = sums[channel];
    sink.EndStrided(dw + channel, row, static_cast<uint32_t>(s.taps), static_cast<uint32_t>(all));
  }
}

}  // namespace tflm_train
