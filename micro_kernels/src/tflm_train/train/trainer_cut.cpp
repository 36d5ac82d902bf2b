// Training from the cut with the library's own kernels: linked only by firmware that does.
#include "tflm_train/train/trainer.h"

namespace tflm_train {

Status Trainer::InitFromCut(const void* model, size_t model_size, const OperatorSet& operators, void* arena,
                            size_t arena_size) {
  const Status status = Prepare(model, model_size, operators, arena, arena_size);
  if (status != Status::kOk) return status;
  if (plan_.program(ProgramKind::kTrainFromCut, ForwardKind::kNative) == nullptr) {
    return Fail(Status::kNoProgram, Subject::kCut);
  }
  return InitNative(ProgramKind::kTrainFromCut, ProgramKind::kInferFromCut, arena, arena_size);
}

}  // namespace tflm_train
