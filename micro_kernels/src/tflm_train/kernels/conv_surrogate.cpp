#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/magnitude.h"
#include "tflm_train/kernels/surrogate.h"

namespace tflm_train {
namespace {

/// Filters whose taps are summed, and patches that are added, at a time.
constexpr int32_t kBlock = 16;

/// y = the sum of the taps of a filter.
void SumTaps(const SurrogateShape& s, const float* filter, float* y) {
  const auto depth = static_cast<uint32_t>(s.in_c());
  inner::Clear(y, depth);
  ScaledPatch queue[kBlock];
  int32_t queued = 0;
  const float* tap = filter + s.first_tap * s.in_c();
  for (int32_t left = s.taps; left > 0; --left, tap += s.in_c()) {
    queue[queued++] = {tap, 1.0f};
    if (queued < kBlock && left > 1) continue;
    inner::SumRow(queue, queued, s.in_c(), y);
    queued = 0;
  }
}

/// The patch's sum of dx: in the image itself where the patch is a pixel.
float* SumOf(const SurrogateShape& s, int32_t row, int32_t column, float* sums, float* dx) {
  if (!s.patches_are_pixels()) return sums + (row * s.error.columns + column) * s.in_c();
  const PatchGrid& grid = s.input;
  return dx + ((grid.offset_h + row * grid.stride_h) * grid.in_w + grid.offset_w + column * grid.stride_w) * s.in_c();
}

}  // namespace

uint64_t ConvSurrogate::InputErrorElements(const SurrogateShape& s) {
  const auto depth = static_cast<uint64_t>(s.in_c());
  const uint64_t sums = s.patches_are_pixels() ? 0 : static_cast<uint64_t>(s.patches()) * depth;
  return sums + (s.taps == 1 ? 0 : depth * static_cast<uint64_t>(s.out_c() < kBlock ? s.out_c() : kBlock));
}

uint64_t ConvSurrogate::WeightGradientElements(const SurrogateShape& s) { return static_cast<uint64_t>(s.in_c()); }

void ConvSurrogate::InputError(const SurrogateErrors& errors, const float* w, float* workspace, float* dx,
                               uint64_t& macs) {
  const SurrogateShape& s = errors.shape;
  const int32_t all = s.out_c(), depth = s.in_c();
  const float* const end = errors.means + errors.elements();
  float* filters = workspace;
  if (!s.patches_are_pixels()) {
    const auto sums = static_cast<uint32_t>(s.patches() * depth);
    inner::Clear(workspace, sums);
    filters += sums;
  }
  const float* rows[kBlock];
  for (int32_t first = 0; first < all; first += kBlock) {
    const int32_t count = all - first < kBlock ? all - first : kBlock;
    const float* filter = w + first * s.all_taps * depth;
    for (int32_t k = 0; k < count; ++k, filter += s.all_taps * depth) {
      rows[k] = filter + s.first_tap * depth;
      if (s.taps == 1) continue;
      if (!errors.zeros_too() && AllZero(errors.means + first + k, end, static_cast<uint32_t>(all))) continue;
      SumTaps(s, filter, filters + k * depth);
      rows[k] = filters + k * depth;
    }
    const float* error = errors.means + first;
    for (int32_t row = 0; row < s.error.rows; ++row) {
      for (int32_t column = 0; column < s.error.columns; ++column, error += all) {
        ScaledPatch queue[kBlock];
        int32_t queued = 0;
        for (int32_t k = 0; k < count; ++k) {
          if (errors.zeros_too() || !IsZero(error + k)) queue[queued++] = {rows[k], error[k]};
        }
        if (queued == 0) continue;
        inner::SumRow(queue, queued, depth, SumOf(s, row, column, workspace, dx));
        Count(macs, static_cast<uint64_t>(queued) * static_cast<uint64_t>(depth));
      }
    }
  }
  if (!s.patches_are_pixels()) AddToPatches(s.input, workspace, dx);
}

void ConvSurrogate::WeightGradient(const SurrogateErrors& errors, const float* x, const RowSink<float>& sink,
                                   float* workspace, float* dw, uint64_t& macs) {
  const SurrogateShape& s = errors.shape;
  const int32_t all = s.out_c(), depth = s.in_c();
  const float* const end = errors.means + errors.elements();
  const auto n = static_cast<uint32_t>(depth);
  for (int32_t channel = 0; channel < all; ++channel, dw += s.all_taps * depth) {
    const float* error = errors.means + channel;
    if (!errors.selection.every_row() && AllZero(error, end, static_cast<uint32_t>(all))) continue;
    inner::Clear(workspace, n);
    ScaledPatch queue[kBlock];
    int32_t queued = 0;
    const float* patch = x;
    for (int32_t left = s.patches(); left > 0; --left, error += all, patch += depth) {
      if (errors.zeros_too() || !IsZero(error)) queue[queued++] = {patch, *error};
      if (queued == 0 || (queued < kBlock && left > 1)) continue;
      inner::SumRow(queue, queued, depth, workspace);
      Count(macs, static_cast<uint64_t>(queued) * n);
      queued = 0;
    }
    float* tap = dw + s.first_tap * depth;
    const ScaledPatch row = {workspace, sink.scale};
    for (int32_t left = s.taps; left > 0; --left, tap += depth) {
      if (sink.rule != nullptr) {
        sink.rule->end(sink, tap, workspace, n);
      } else {
        inner::SumRow(&row, 1, depth, tap);
      }
    }
  }
}

}  // namespace tflm_train
