// Names for TFLM's types that have had several, so that the binding compiles with every TFLM since 2022-12.
#ifndef TFLM_TRAIN_TFLM_TFLM_TYPES_H_
#define TFLM_TRAIN_TFLM_TFLM_TYPES_H_

#include <type_traits>

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tflm_train/base/format.h"

namespace tflm_train {

/// Node and registration of one operator.
using TflmNode =
    std::remove_reference_t<decltype(*static_cast<tflite::SubgraphAllocations*>(nullptr)->node_and_registrations)>;

/// TfLiteRegistration, TfLiteRegistration_V1 or TFLMRegistration, depending on TFLM's age. The order of its fields has
/// changed too: assign them by name.
using TflmRegistration = std::remove_const_t<std::remove_pointer_t<decltype(TflmNode::registration)>>;

/// What TFLM calls a type.
inline TfLiteType TypeInTflm(ScalarType type) {
  switch (type) {
    case ScalarType::kFloat32:
      return kTfLiteFloat32;
    case ScalarType::kInt8:
      return kTfLiteInt8;
    case ScalarType::kUint8:
      return kTfLiteUInt8;
    case ScalarType::kUint16:
      return kTfLiteUInt16;
    case ScalarType::kUint32:
      return kTfLiteUInt32;
    case ScalarType::kInt32:
      return kTfLiteInt32;
    case ScalarType::kInt16:
      return kTfLiteInt16;
  }
  return kTfLiteNoType;
}

/// Of every buffer in TFLM's arena.
inline constexpr size_t kTflmAlignment = 16;

constexpr size_t AlignTflm(size_t bytes) { return (bytes + kTflmAlignment - 1) / kTflmAlignment * kTflmAlignment; }

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_TFLM_TYPES_H_
