// Makes TFLM put every tensor where the training plan says.
#ifndef TFLM_TRAIN_TFLM_PLAN_MEMORY_PLANNER_H_
#define TFLM_TRAIN_TFLM_PLAN_MEMORY_PLANNER_H_

#include "tensorflow/lite/c/common.h"
#include "tensorflow/lite/micro/compatibility.h"
#include "tensorflow/lite/micro/memory_planner/greedy_memory_planner.h"
#include "tensorflow/lite/schema/schema_generated.h"
#include "tflm_train/tflm/tensor_placement.h"
#include "tflm_train/tflm/tflm_types.h"

namespace tflm_train {

/// TFLM adds one buffer per tensor that needs memory, in the order of the tensors, then one per scratch request of a
/// kernel. The first group gets the plan's offsets; everything else is planned by TFLM, above the whole program: what
/// the backward pass needs is never overwritten by a kernel's scratch, however short TFLM thinks that a tensor lives.
class PlanMemoryPlanner : public tflite::GreedyMemoryPlanner {
 public:
  /// Must be called before AllocateTensors. `tensors` are the evaluation tensors of the model's subgraph.
  void Begin(const TensorPlacement& placement, const tflite::SubGraph* graph, const TfLiteEvalTensor* tensors) {
    placement_ = placement;
    graph_ = graph;
    tensors_ = tensors;
    next_tensor_ = 0;
    buffer_count_ = 0;
    blocker_index_ = -1;
    failed_tensor_ = -1;
    out_of_memory_ = false;
  }

  TfLiteStatus AddBuffer(int size, int first_time_used, int last_time_used) override {
    return in_base_ ? tflite::GreedyMemoryPlanner::AddBuffer(size, first_time_used, last_time_used)
                    : Place(size, first_time_used, last_time_used);
  }

  /// Offline offsets in the file belong to inference; training has offsets of its own.
  TfLiteStatus AddBuffer(int size, int first_time_used, int last_time_used, int) override {
    return Place(size, first_time_used, last_time_used);
  }

  TfLiteStatus GetOffsetForBuffer(int buffer_index, int* offset) override {
    if (buffer_index == blocker_index_) {
      *offset = blocker_offset_;
      return kTfLiteOk;
    }
    return tflite::GreedyMemoryPlanner::GetOffsetForBuffer(buffer_index, offset);
  }

  /// The tensor whose size in TFLM is not the plan's, -1 if there is none.
  int failed_tensor() const { return failed_tensor_; }
  /// TFLM had no room for its list of buffers.
  bool out_of_memory() const { return out_of_memory_; }

 private:
  TfLiteStatus Place(int size, int first_time_used, int last_time_used) {
    const int tensor = NextTensor();
    const ValueRecord* value = tensor < 0 ? nullptr : placement_.Find(tensor);
    const int index = buffer_count_++;
    if (value == nullptr) return AddToBase(size, first_time_used, last_time_used, tflite::kOnlinePlannedBuffer);
    if (AlignTflm(value->bytes) != AlignTflm(static_cast<size_t>(size))) {
      failed_tensor_ = tensor;
      return kTfLiteError;
    }
    const int offset = static_cast<int>(value->offset);
    if (blocker_index_ >= 0) return AddToBase(size, 0, LastUse(), offset);
    // The first planned buffer reserves the whole program, so that TFLM's own planning starts above it.
    blocker_index_ = index;
    blocker_offset_ = offset;
    return AddToBase(static_cast<int>(placement_.program_bytes()), 0, LastUse(), 0);
  }

  TfLiteStatus AddToBase(int size, int first, int last, int offset) {
    in_base_ = true;  // the base's overload with an offset calls the one without, which is virtual
    const TfLiteStatus status = offset == tflite::kOnlinePlannedBuffer
                                    ? tflite::GreedyMemoryPlanner::AddBuffer(size, first, last)
                                    : tflite::GreedyMemoryPlanner::AddBuffer(size, first, last, offset);
    in_base_ = false;
    if (status != kTfLiteOk) out_of_memory_ = true;
    return status;
  }

  /// The tensor that the next buffer is for; -1 if it is for a kernel's scratch.
  int NextTensor() {
    const int count = static_cast<int>(graph_->tensors()->size());
    while (next_tensor_ < count) {
      const int tensor = next_tensor_++;
      if (tensors_[tensor].data.data == nullptr &&
          !graph_->tensors()->Get(static_cast<uint32_t>(tensor))->is_variable() && !IsEmpty(tensors_[tensor])) {
        return tensor;
      }
    }
    return -1;
  }

  static bool IsEmpty(const TfLiteEvalTensor& tensor) {
    for (int i = 0; i < tensor.dims->size; ++i) {
      if (tensor.dims->data[i] == 0) return true;
    }
    return false;
  }

  /// One past the last operator: TFLM's printer of memory plans counts up to it.
  int LastUse() const { return static_cast<int>(graph_->operators()->size()) + 1; }

  TensorPlacement placement_;
  const tflite::SubGraph* graph_ = nullptr;
  const TfLiteEvalTensor* tensors_ = nullptr;
  int next_tensor_ = 0;
  int buffer_count_ = 0;
  int blocker_index_ = -1;
  int blocker_offset_ = 0;
  int failed_tensor_ = -1;
  bool in_base_ = false;
  bool out_of_memory_ = false;

  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_PLAN_MEMORY_PLANNER_H_
