#ifndef TFLM_TRAIN_NATIVE_TFLM_H_
#define TFLM_TRAIN_NATIVE_TFLM_H_

#include <pybind11/pybind11.h>

namespace tflm_train {

/// Adds the class ExternalTrainer.
void BindExternalTrainer(pybind11::module_& module);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_NATIVE_TFLM_H_
