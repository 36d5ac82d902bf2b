#include "tflm_train/kernels/fast/strip.h"

#include "tflm_train/kernels/fast/inner.h"
#include "tflm_train/kernels/fast/taps.h"

namespace tflm_train {
namespace fast {
namespace {

/// to += from over the part that strip and image share. `image_side`: 0 if the image is the source, 1 if the destination.
void Add(const StripShape& s, float* image, float* strip, int32_t row, int32_t column, int image_side) {
  const Taps rows = ClipTaps(row, s.height, 1, s.in_h), columns = ClipTaps(column, s.width, 1, s.in_w);
  AxpyJob job = {1.0f, {}};
  job.patch[image_side] = image + ((row + rows.first) * s.in_w + column + columns.first) * s.channels;
  job.patch[1 - image_side] = strip + (rows.first * s.width + columns.first) * s.depth;
  AxpyShape shape = {{}, columns.count * s.depth, rows.count};
  shape.stride[image_side] = s.in_w * s.channels;
  shape.stride[1 - image_side] = s.width * s.depth;
  int32_t parts = 1;
  if (s.depth != s.channels) {  // contiguous are the channels of a column only
    shape.n = s.depth;
    parts = columns.count;
  }
  for (; parts > 0; --parts) {
    inner::Axpy(&job, 1, shape);
    job.patch[image_side] += s.channels;
    job.patch[1 - image_side] += s.depth;
  }
}

}  // namespace

void CopyToStrip(const StripShape& shape, const float* image, int32_t row, int32_t column, float* strip) {
  inner::Clear(strip, static_cast<uint32_t>(shape.elements()));
  Add(shape, const_cast<float*>(image), strip, row, column, 0);
}

void AddStrip(const StripShape& shape, float* strip, int32_t row, int32_t column, float* image) {
  Add(shape, image, strip, row, column, 1);
}

}  // namespace fast
}  // namespace tflm_train
