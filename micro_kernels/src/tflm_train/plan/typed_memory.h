// Memory of numbers of any type.
#ifndef TFLM_TRAIN_PLAN_TYPED_MEMORY_H_
#define TFLM_TRAIN_PLAN_TYPED_MEMORY_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// Elements of one type, in the arena.
struct TypedMemory {
  ScalarType type = ScalarType::kFloat32;
  uint32_t elements = 0;
  void* data = nullptr;
  const QuantizationRecord* quantization = nullptr;  // null: numbers as they are

  uint32_t bytes() const { return ScalarBytes(type, elements); }
  /// The elements, null if they are of another type.
  float* floats() const { return type == ScalarType::kFloat32 ? static_cast<float*>(data) : nullptr; }
};

/// What trains: values, and where they have them remainders, one int8 each in 1/256 of the values' unit.
struct ParameterView : TypedMemory {
  uint32_t tensor = 0;  // index in the .tflite
  int8_t* remainder = nullptr;
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_TYPED_MEMORY_H_
