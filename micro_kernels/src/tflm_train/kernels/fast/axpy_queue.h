// Collects jobs of one shape and runs them together, so that the cost of a call is shared.
#ifndef TFLM_TRAIN_KERNELS_FAST_AXPY_QUEUE_H_
#define TFLM_TRAIN_KERNELS_FAST_AXPY_QUEUE_H_

#include "tflm_train/kernels/fast/inner.h"

namespace tflm_train {
namespace fast {

/// Jobs run in the order in which they were added; call Run() at the end.
class AxpyQueue {
 public:
  explicit AxpyQueue(const AxpyShape& shape) : shape_(shape) {}

  void Add(float a, const float* x, float* y) {
    jobs_[count_] = {a, {const_cast<float*>(x), y}};
    if (++count_ == kCapacity) Run();
  }
  void Run() {
    inner::Axpy(jobs_, count_, shape_);
    count_ = 0;
  }

 private:
  static constexpr int32_t kCapacity = 16;
  const AxpyShape shape_;
  int32_t count_ = 0;
  AxpyJob jobs_[kCapacity];
};

}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_AXPY_QUEUE_H_
