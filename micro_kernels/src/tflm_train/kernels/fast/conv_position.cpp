#include "tflm_train/kernels/fast/conv_position.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {

void ComputePosition(const ConvShape& s, const float* x, const float* w, int32_t row, int32_t column, int32_t first,
                     int32_t count, float* out) {
  inner::Clear(out, static_cast<uint32_t>(count));
  row = row * s.stride_h - s.pad_top;
  column = column * s.stride_w - s.pad_left;
  const Taps rows = ClipTaps(row, s.filter_h, s.dilation_h, s.in_h);
  const Taps columns = ClipTaps(column, s.filter_w, s.dilation_w, s.in_w);
  if (columns.count == 0) return;
  const int32_t filter = s.filter_h * s.filter_w * s.in_c;
  // Without dilation, a row of taps is contiguous in the image as in the filter.
  const bool contiguous = s.dilation_w == 1;
  const int32_t runs = contiguous ? 1 : columns.count, n = contiguous ? columns.count * s.in_c : s.in_c;
  for (int32_t u = rows.first; u < rows.first + rows.count; ++u) {
    const float* taps = w + (first * filter + (u * s.filter_w + columns.first) * s.in_c);
    const float* image = x + ((row + u * s.dilation_h) * s.in_w + column + columns.first * s.dilation_w) * s.in_c;
    for (int32_t run = 0; run < runs; ++run) {
      inner::DotRows(image, taps, filter, n, count, out, false, out);
      image += s.dilation_w * s.in_c;
      taps += s.in_c;
    }
  }
}

}  // namespace fast
}  // namespace tflm_train
