// The target of one sample.
#ifndef TFLM_TRAIN_RUNTIME_LABEL_H_
#define TFLM_TRAIN_RUNTIME_LABEL_H_

#include <cstdint>

namespace tflm_train {

/// A class number, or a vector of the output's size.
struct Label {
  static Label Class(int32_t index) { return {index, nullptr}; }
  static Label Vector(const float* values) { return {-1, values}; }
  int32_t index;
  const float* values;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_LABEL_H_
