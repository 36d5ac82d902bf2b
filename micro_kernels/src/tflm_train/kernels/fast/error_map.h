// The error map behind a convolution.
#ifndef TFLM_TRAIN_KERNELS_FAST_ERROR_MAP_H_
#define TFLM_TRAIN_KERNELS_FAST_ERROR_MAP_H_

#include "tflm_train/kernels/types.h"

namespace tflm_train {
namespace fast {

/// One description for both kinds of map, so that the scatter is compiled once: the convolution's own output (`argmax` null)
/// or that of a max-pool, whose winners `argmax` names as row * filter_w + column of their window.
struct ErrorMap {
  explicit ErrorMap(const ConvShape& conv) : rows(conv.out_h), columns(conv.out_w), channels(conv.out_c) {}
  ErrorMap(const PoolShape& pool, const uint8_t* winners)
      : rows(pool.out_h),
        columns(pool.out_w),
        channels(pool.channels),
        stride_h(pool.stride_h),
        stride_w(pool.stride_w),
        pad_top(pool.pad_top),
        pad_left(pool.pad_left),
        filter_h(pool.filter_h),
        filter_w(pool.filter_w),
        argmax(winners) {}

  uint32_t elements() const {
    return static_cast<uint32_t>(rows) * static_cast<uint32_t>(columns) * static_cast<uint32_t>(channels);
  }

  int32_t rows, columns, channels;
  int32_t stride_h = 1, stride_w = 1, pad_top = 0, pad_left = 0, filter_h = 1, filter_w = 1;
  const uint8_t* argmax = nullptr;
};

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_ERROR_MAP_H_
