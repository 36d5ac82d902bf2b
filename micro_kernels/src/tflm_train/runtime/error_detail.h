// What failed and where.
#ifndef TFLM_TRAIN_RUNTIME_ERROR_DETAIL_H_
#define TFLM_TRAIN_RUNTIME_ERROR_DETAIL_H_

#include <cstdint>

#include "tflm_train/runtime/plan_format.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// Where a failure was found, for messages. 16 bytes on 32 and 64 bit.
struct ErrorDetail {
  Status status = Status::kOk;
  uint16_t step = kNoneIndex;                // of the program; kNoneIndex if no step is concerned
  uint32_t required_bytes = 0;               // kArenaTooSmall: what the memory must have
  alignas(8) const char* subject = nullptr;  // operator name or what was checked; may be null

  /// Fills in and returns the status.
  Status Set(Status failure, const char* what, uint16_t where = kNoneIndex) {
    status = failure;
    subject = what;
    step = where;
    return failure;
  }
};

static_assert(sizeof(ErrorDetail) == 16);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_ERROR_DETAIL_H_
