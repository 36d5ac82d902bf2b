// Typed memory as NumPy arrays.
#ifndef TFLM_TRAIN_NATIVE_ARRAYS_H_
#define TFLM_TRAIN_NATIVE_ARRAYS_H_

#include <pybind11/numpy.h>

#include "tflm_train/plan/typed_memory.h"

namespace tflm_train {

inline pybind11::dtype DtypeOf(ScalarType type) {
  constexpr const char* kNames[] = {"float32", "int8", "uint8", "uint16", "uint32", "int32", "int16"};
  static_assert(sizeof kNames / sizeof *kNames == kScalarTypes, "by ScalarType");
  return pybind11::dtype(kNames[static_cast<uint32_t>(type)]);
}

/// A copy of the elements.
inline pybind11::array ArrayOf(const TypedMemory& memory) {
  return pybind11::array(DtypeOf(memory.type), static_cast<pybind11::ssize_t>(memory.elements), memory.data);
}

}  // namespace tflm_train

#endif  // TFLM_TRAIN_NATIVE_ARRAYS_H_
