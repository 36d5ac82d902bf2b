// What failed and where.
#ifndef TFLM_TRAIN_RUNTIME_ERROR_DETAIL_H_
#define TFLM_TRAIN_RUNTIME_ERROR_DETAIL_H_

#include <cstdint>

#include "tflm_train/runtime/plan_format.h"
#include "tflm_train/runtime/wide_pointer.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// Where a failure was found, for messages.
struct ErrorDetail {
  Status status = Status::kOk;
  uint16_t step = kNoneIndex;       // kNoneIndex if no step is concerned
  uint32_t required_bytes = 0;      // kArenaTooSmall: what the memory must have
  WidePointer<const char> subject;  // operator name or what was checked; may be null

  /// Fills in and returns the status.
  Status Set(Status failure, const char* what, uint16_t where = kNoneIndex) {
    status = failure;
    subject = what;
    step = where;
    return failure;
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_ERROR_DETAIL_H_
