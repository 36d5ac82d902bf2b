// What failed and where.
#ifndef TFLM_TRAIN_PLAN_ERROR_DETAIL_H_
#define TFLM_TRAIN_PLAN_ERROR_DETAIL_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"
#include "tflm_train/plan/subject.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// Where a failure was found, for messages. 16 bytes on 32 and 64 bit.
struct ErrorDetail {
  Status status = Status::kOk;
  Subject subject = Subject::kNone;
  uint16_t step = kNoneIndex;             // of the program; kNoneIndex if no step is concerned
  uint32_t required_bytes = 0;            // kArenaTooSmall: what the memory must have
  alignas(8) const char* text = nullptr;  // of a subject that is not the library's own

  /// Operator name or what was checked; empty if there is nothing to say. Never null.
  const char* Text() const { return text != nullptr ? text : SubjectText(subject); }

  /// Fills in and returns the status.
  Status Set(Finding finding) {
    status = StatusOf(finding);
    subject = SubjectOf(finding);
    return status;
  }
  /// `what` must outlive the object.
  Status Set(Status failure, const char* what) {
    status = failure;
    subject = Subject::kNone;
    text = what;
    return failure;
  }
};

static_assert(sizeof(ErrorDetail) == 16);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_ERROR_DETAIL_H_
