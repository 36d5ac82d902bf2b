// Where an element of an error map lies: the same backward code serves a layer and a layer fused with its max-pool.
#ifndef TFLM_TRAIN_KERNELS_LOCATOR_H_
#define TFLM_TRAIN_KERNELS_LOCATOR_H_

#include "tflm_train/kernels/types.h"

namespace tflm_train {

/// Elements of the layer's own output [rows, columns, channels]. Moves ascending only, without divisions.
class DirectLocator {
 public:
  DirectLocator(int32_t columns, int32_t channels) : columns_(columns), channels_(static_cast<uint32_t>(channels)) {}

  bool MoveTo(uint32_t element) {
    while (element - first_ >= channels_) {
      first_ += channels_;
      if (++column_ == columns_) {
        column_ = 0;
        ++row_;
      }
    }
    channel_ = static_cast<int32_t>(element - first_);
    return true;
  }
  int32_t row() const { return row_; }
  int32_t column() const { return column_; }
  int32_t channel() const { return channel_; }
  int32_t channels() const { return static_cast<int32_t>(channels_); }

 private:
  int32_t columns_;
  uint32_t channels_;
  uint32_t first_ = 0;  // element of channel 0 at the current position
  int32_t row_ = 0, column_ = 0, channel_ = 0;
};

/// Elements of the output of a max-pool over the layer's map: the layer's element is the window's winner.
class PooledLocator {
 public:
  PooledLocator(const PoolShape& pool, const uint8_t* argmax)
      : pool_(pool), argmax_(argmax), pooled_(pool.out_w, pool.channels) {}

  /// False if the saved winner lies outside the map: only a damaged plan, whose winners were never written, has such.
  bool MoveTo(uint32_t element) {
    pooled_.MoveTo(element);
    const int32_t winner = argmax_[element];
    const int32_t window_row = winner / pool_.filter_w;
    row_ = pooled_.row() * pool_.stride_h - pool_.pad_top + window_row;
    column_ = pooled_.column() * pool_.stride_w - pool_.pad_left + winner - window_row * pool_.filter_w;
    return row_ >= 0 && row_ < pool_.in_h && column_ >= 0 && column_ < pool_.in_w;
  }
  int32_t row() const { return row_; }
  int32_t column() const { return column_; }
  int32_t channel() const { return pooled_.channel(); }
  int32_t channels() const { return pooled_.channels(); }

 private:
  PoolShape pool_;
  const uint8_t* argmax_;
  DirectLocator pooled_;
  int32_t row_ = 0, column_ = 0;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_LOCATOR_H_
