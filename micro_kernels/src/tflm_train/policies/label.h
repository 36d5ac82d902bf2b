// The target of one sample.
#ifndef TFLM_TRAIN_POLICIES_LABEL_H_
#define TFLM_TRAIN_POLICIES_LABEL_H_

#include <cstdint>

namespace tflm_train {

/// A class number, a class number for each row of an output with several (positions of a map, steps of a series), or a
/// vector of the output's size. Refers to the caller's numbers.
struct Label {
  static Label Class(int32_t index) { return {index, nullptr, nullptr}; }
  static Label Classes(const int32_t* indices) { return {-1, nullptr, indices}; }
  static Label Vector(const float* values) { return {-1, values, nullptr}; }
  int32_t index;
  const float* values;
  const int32_t* classes;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_POLICIES_LABEL_H_
