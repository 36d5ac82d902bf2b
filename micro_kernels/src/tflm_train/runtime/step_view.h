// A step of a verified plan with its values resolved to memory.
#ifndef TFLM_TRAIN_RUNTIME_STEP_VIEW_H_
#define TFLM_TRAIN_RUNTIME_STEP_VIEW_H_

#include <cstring>

#include "tflm_train/runtime/cold.h"
#include "tflm_train/runtime/plan_format.h"

namespace tflm_train {

/// Where the places of values are.
class MemoryMap {
 public:
  virtual void* Resolve(const ValueRecord& value) const = 0;

 protected:
  friend class StepView;

  MemoryMap() = default;
  /// Values of the arena and parameters, which are most, need no call: where their offsets count from.
  MemoryMap(uint8_t* arena, uint8_t* persistent, const ParameterRecord* parameters)
      : arena_(arena), persistent_(persistent), parameters_(parameters) {}
  ~MemoryMap() = default;

  uint8_t* arena_ = nullptr;  // null: only Resolve knows
  uint8_t* persistent_ = nullptr;
  const ParameterRecord* parameters_ = nullptr;
};

class StepView {
 public:
  StepView(const StepRecord& step, const ValueRecord* values, const uint16_t* indices, const uint32_t* words,
           const MemoryMap& memory)
      : step_(step),
        values_(values),
        indices_(indices + step.value_begin),
        words_(words + step.word_begin),
        memory_(memory) {}

  const StepRecord& record() const { return step_; }
  Phase phase() const { return static_cast<Phase>(step_.phase); }

  /// Number of arguments, absent ones included.
  uint32_t size() const { return step_.value_count; }
  bool Has(uint32_t argument) const { return argument < step_.value_count && indices_[argument] != kNoneIndex; }
  /// The record of an argument that is present.
  const ValueRecord& value(uint32_t argument) const { return values_[indices_[argument]]; }
  /// Its memory, or null if the argument is absent.
  template <class T>
  T* data(uint32_t argument) const {
    return Has(argument) ? static_cast<T*>(memory_.Resolve(value(argument))) : nullptr;
  }
  /// `data` of the first `count` arguments; the step has as many.
  void Resolve(uint32_t count, void** data) const;
  bool accumulates(uint32_t error_output) const { return (step_.accumulate_mask >> error_output & 1u) != 0; }

  uint32_t word_count() const { return step_.word_count; }
  int32_t word(uint32_t i) const { return static_cast<int32_t>(words_[i]); }
  float word_f32(uint32_t i) const {
    float value;
    std::memcpy(&value, &words_[i], sizeof value);
    return value;
  }

 private:
  const StepRecord& step_;
  const ValueRecord* values_;
  const uint16_t* indices_;
  const uint32_t* words_;
  const MemoryMap& memory_;
};

/// Number of elements of a value (shapes are verified: no overflow).
inline uint32_t Elements(const ValueRecord& value) {
  uint32_t n = 1;
  for (int i = 0; i < value.rank; ++i) n *= static_cast<uint32_t>(value.dims[i]);
  return n;
}

/// The same for floats: their verified size tells it.
inline uint32_t FloatElements(const ValueRecord& value) { return value.bytes / sizeof(float); }

/// The same for a value that nobody has verified: 0 for a bad rank, an empty dimension, or more than 31 bits.
TFLM_TRAIN_COLD uint32_t CheckedElements(const ValueRecord& value);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_STEP_VIEW_H_
