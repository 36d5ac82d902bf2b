#include "tflm_train/kernels/fast/s8/max_pool_2d.h"

#include "tflm_train/kernels/fast/s8/inner.h"
#include "tflm_train/kernels/patch.h"

namespace tflm_train {
namespace fast {
namespace s8 {

void MaxPool2dForward(const PoolShape& s, const int8_t* x, const Int8Range& range, int8_t* y, uint8_t* argmax) {
  for (int32_t row = 0; row < s.out_h; ++row) {
    const TapRange rows = TapsInside(row * s.stride_h - s.pad_top, s.filter_h, 1, s.in_h);
    for (int32_t column = 0; column < s.out_w; ++column, y += s.channels) {
      const TapRange columns = TapsInside(column * s.stride_w - s.pad_left, s.filter_w, 1, s.in_w);
      const int32_t pixel = (rows.origin + rows.begin) * s.in_w + columns.origin + columns.begin;
      const PoolWindow window = {
          x + int64_t{pixel} * s.channels,         s.in_w * s.channels, rows.count(), columns.count(), s.channels,
          rows.begin * s.filter_w + columns.begin, s.filter_w};
      inner::LargestOf(window, range, y, argmax);
      if (argmax != nullptr) argmax += s.channels;
    }
  }
}

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train
