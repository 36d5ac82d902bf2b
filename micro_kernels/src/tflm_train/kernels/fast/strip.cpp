#include "tflm_train/kernels/fast/strip.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {
void CopyToStrip(const StripShape& s, const float* image, int32_t row, int32_t column, float* strip) {
  inner::Clear(strip, static_cast<uint32_t>(s.elements()));
  RefillStrip(s, image, row, column, strip);
}

void RefillStrip(const StripShape& s, const float* image, int32_t row, int32_t column, float* strip) {
  const Taps rows = ClipTaps(row, s.height, 1, s.in_h), columns = ClipTaps(column, s.width, 1, s.in_w);
  const int32_t strip_row = s.width * s.depth, image_row = s.in_w * s.channels, below = rows.first + rows.count;
  if (rows.first > 0) inner::Clear(strip, static_cast<uint32_t>(rows.first * strip_row));
  if (below < s.height) inner::Clear(strip + below * strip_row, static_cast<uint32_t>((s.height - below) * strip_row));
  const float* from = image + ((row + rows.first) * s.in_w + column + columns.first) * s.channels;
  float* to = strip + rows.first * strip_row + columns.first * s.depth;
  // What is contiguous in both: whole rows, or else the channels of a column.
  const bool whole = s.depth == s.channels;
  const int32_t n = whole ? columns.count * s.depth : s.depth;
  for (int32_t parts = whole ? 1 : columns.count; parts > 0; --parts, from += s.channels, to += s.depth) {
    inner::CopyRows(from, image_row, to, strip_row, n, rows.count);
  }
}

void AddStrip(const StripShape& s, float* strip, int32_t row, int32_t column, float* image) {
  const Taps rows = ClipTaps(row, s.height, 1, s.in_h), columns = ClipTaps(column, s.width, 1, s.in_w);
  const AxpyJob job = {1.0f,
                       {strip + (rows.first * s.width + columns.first) * s.depth,
                        image + ((row + rows.first) * s.in_w + column + columns.first) * s.channels}};
  inner::Axpy(&job, 1, {{s.width * s.depth, s.in_w * s.channels}, columns.count * s.depth, rows.count});
}

}  // namespace fast
}  // namespace tflm_train
