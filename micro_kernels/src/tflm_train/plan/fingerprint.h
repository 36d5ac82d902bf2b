// Checksums that tie a plan to its model.
#ifndef TFLM_TRAIN_PLAN_FINGERPRINT_H_
#define TFLM_TRAIN_PLAN_FINGERPRINT_H_

#include <cstdint>

#include "tflm_train/base/cold.h"
#include "tflm_train/model/model_view.h"
#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// CRC-32 of the model's structure and frozen constants: everything but names, signatures, metadata and the data of
/// trainable tensors. The order of the words is written in converters/fingerprint.py. False if the model is damaged,
/// or refers to its parts so often that the work would not be linear in its size.
TFLM_TRAIN_COLD bool Fingerprint(const ModelView& model, const ParameterRecord* parameters, uint32_t parameter_count,
                                 uint32_t* crc);

/// CRC-32 over the trainable tensors' data in order of the parameters. False if the model is damaged.
TFLM_TRAIN_COLD bool WeightsCrc(const ModelView& model, const ParameterRecord* parameters, uint32_t parameter_count,
                                uint32_t* crc);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_FINGERPRINT_H_
