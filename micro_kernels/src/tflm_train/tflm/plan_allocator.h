// Hands out the nodes and tensors of an interpreter, on every TFLM since 2022-12.
#ifndef TFLM_TRAIN_TFLM_PLAN_ALLOCATOR_H_
#define TFLM_TRAIN_TFLM_PLAN_ALLOCATOR_H_

#include <new>

#include "tensorflow/lite/micro/compatibility.h"
#include "tensorflow/lite/micro/micro_allocator.h"
#include "tflm_train/tflm/guarded_arena.h"
#include "tflm_train/tflm/plan_memory_planner.h"

namespace tflm_train {

/// TFLM's allocator with the plan's memory planner. Remembers the arrays that it makes, because the interpreter's own
/// accessors to them have changed over the years.
class PlanAllocator : public tflite::MicroAllocator {
 public:
  PlanAllocator(GuardedArena* memory, PlanMemoryPlanner* planner, const TensorPlacement& placement)
      : tflite::MicroAllocator(memory, planner), memory_(memory), planner_(planner), placement_(placement) {}
  ~PlanAllocator() override = default;

  /// Operators and tensors of the model's only subgraph; null before AllocateTensors.
  TflmNode* nodes() const { return subgraph_ == nullptr ? nullptr : subgraph_->node_and_registrations; }
  TfLiteEvalTensor* tensors() const { return subgraph_ == nullptr ? nullptr : subgraph_->tensors; }
  /// TFLM's library lays out nodes in another way than this code.
  bool layout_differs() const { return layout_differs_; }

 protected:
  TfLiteStatus AllocateNodeAndRegistrations(const tflite::Model* model,
                                            tflite::SubgraphAllocations* allocations) override {
    const size_t before = memory_->GetPersistentUsedBytes();
    if (tflite::MicroAllocator::AllocateNodeAndRegistrations(model, allocations) != kTfLiteOk) return kTfLiteError;
    const size_t expected = sizeof(TflmNode) * model->subgraphs()->Get(0)->operators()->size();
    const size_t grown = memory_->GetPersistentUsedBytes() - before;
    if (grown < expected || grown >= expected + kTflmAlignment) {
      layout_differs_ = true;
      return kTfLiteError;
    }
    // If TFLM fails before it has filled them in, its interpreter's destructor still looks for registrations in all.
    for (size_t i = 0; i < expected / sizeof(TflmNode); ++i) new (&allocations->node_and_registrations[i]) TflmNode();
    subgraph_ = allocations;
    return kTfLiteOk;
  }

  TfLiteStatus AllocateTfLiteEvalTensors(const tflite::Model* model,
                                         tflite::SubgraphAllocations* allocations) override {
    const TfLiteStatus status = tflite::MicroAllocator::AllocateTfLiteEvalTensors(model, allocations);
    if (status == kTfLiteOk) planner_->Begin(placement_, model->subgraphs()->Get(0), allocations[0].tensors);
    return status;
  }

 private:
  GuardedArena* memory_;
  PlanMemoryPlanner* planner_;
  TensorPlacement placement_;
  tflite::SubgraphAllocations* subgraph_ = nullptr;
  bool layout_differs_ = false;

  TF_LITE_REMOVE_VIRTUAL_DELETE
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_TFLM_PLAN_ALLOCATOR_H_
