#ifndef TFLM_TRAIN_STATUS_H_
#define TFLM_TRAIN_STATUS_H_

#include <cstdint>

namespace tflm_train {

/// Result of every call that can fail. The numbers are part of the device protocol: append only.
enum class Status : uint8_t {
  kOk = 0,
  kInvalidArgument = 1,
  kMisaligned = 2,
  kInvalidModel = 3,
  kNoPlan = 4,
  kPlanVersion = 5,
  kPlanDamaged = 6,
  kPlanInvalid = 7,
  kModelMismatch = 8,
  kArenaTooSmall = 9,
  kMissingOperator = 10,
  kNoProgram = 11,
  kNotInitialized = 12,
  kInvalidLabel = 13,
  kNonFinite = 14,
  kSelectorNeedsPlan = 15,
  kForwardFailed = 16,
  kBodyNeedsTflm = 17,
  kInvalidIndex = 18,
  kUnsupportedType = 19,
  kClassTrained = 20,
};

/// One sentence: what is wrong and what to do. Never null.
const char* StatusText(Status status);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_STATUS_H_
