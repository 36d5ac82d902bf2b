#include "tflm_train/kernels/fast/s8/conv_2d_backward.h"

#include "tflm_train/base/cold.h"
#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/s8/conv_2d.h"
#include "tflm_train/kernels/magnitude.h"

namespace tflm_train {
namespace fast {
namespace s8 {
namespace {

void WidenScaled(const int8_t* w, float scale, uint32_t n, float* to) {
  for (; n >= 4; n -= 4, w += 4, to += 4) {
    to[0] = scale * static_cast<float>(w[0]);
    to[1] = scale * static_cast<float>(w[1]);
    to[2] = scale * static_cast<float>(w[2]);
    to[3] = scale * static_cast<float>(w[3]);
  }
  for (; n > 0; --n) *to++ = scale * static_cast<float>(*w++);
}

/// As ScatterErrors where a window is a pixel: a pixel's errors times their filters are summed before its dx changes.
TFLM_TRAIN_NOINLINE void SumPixels(const ConvErrors& errors, const ChannelRange& channels, const float* filters,
                                   float* dx, uint64_t& macs) {
  constexpr int32_t kQueue = 16;
  ScaledPatch rows[kQueue];
  const int32_t n = errors.conv.in_c;
  const bool zeros_too = errors.selection.mode == Selection::Mode::kAll;
  const float* error = errors.dy + channels.first;
  for (int32_t pixels = errors.conv.out_h * errors.conv.out_w; pixels > 0; --pixels, dx += n) {
    ScaledPatch* next = rows;
    const float* filter = filters;
    for (uint32_t left = channels.count; left > 0; --left, ++error, filter += n) {
      if (!zeros_too && IsZero(error)) continue;
      *next++ = {filter, *error};
      Count(macs, static_cast<uint64_t>(n));
      if (next == rows + kQueue) {
        tflm_train::inner::SumRow(rows, kQueue, n, dx);
        next = rows;
      }
    }
    if (next != rows) tflm_train::inner::SumRow(rows, static_cast<int32_t>(next - rows), n, dx);
    error += channels.all - channels.count;
  }
}

}  // namespace

void Conv2DInputError(const ConvErrors& errors, const ScaledWeights& w, float* dx, Workspace<float> workspace,
                      uint64_t& macs) {
  const ConvShape& conv = errors.conv;
  const auto all = static_cast<uint32_t>(conv.out_c);
  const auto filter = static_cast<uint32_t>(conv.filter_h * conv.filter_w * conv.in_c);
  const bool pointwise = IsPointwise(conv) && errors.argmax == nullptr;
  float* const strip = pointwise ? nullptr : TakeStrip(errors, filter, &workspace);
  ChannelRange block = {0, 0, all};
  for (; block.first < all; block.first += block.count) {
    block.count = workspace.Rows(filter, all - block.first);
    for (uint32_t i = 0; i < block.count; ++i) {
      const uint32_t channel = block.first + i;
      WidenScaled(w.values + size_t{channel} * filter, w.scales[size_t{channel} * w.step], filter,
                  workspace.values + i * filter);
    }
    if (pointwise) {
      SumPixels(errors, block, workspace.values, dx, macs);
    } else {
      ScatterErrors(errors, block, workspace.values, strip, dx, macs);
    }
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
