// A step of a verified plan: its values, where they are in memory, and its constants.
#ifndef TFLM_TRAIN_PLAN_STEP_VIEW_H_
#define TFLM_TRAIN_PLAN_STEP_VIEW_H_

#include "tflm_train/base/cold.h"
#include "tflm_train/base/float_bits.h"
#include "tflm_train/plan/plan_format.h"

namespace tflm_train {

/// Where the values of a program are during one call, and the tables that its steps point into.
class ProgramView {
 public:
  ProgramView(const ProgramView&) = delete;
  ProgramView& operator=(const ProgramView&) = delete;

  /// Memory of an address: see Base in plan_format.py. Null for kNoneAddress.
  void* At(uint32_t address) const;

  const ValueRecord& value(uint32_t index) const { return values_[index]; }
  const uint16_t* indices() const { return indices_; }
  const uint32_t* words() const { return words_; }

 protected:
  /// Tables of the plan, `values` from those of the program on.
  ProgramView(const ValueRecord* values, const uint16_t* indices, const uint32_t* words)
      : values_(values), indices_(indices), words_(words) {}
  ~ProgramView() = default;

  /// What offsets from `base` count from.
  void SetBegin(Base base, uint8_t* begin) { begin_[static_cast<uint32_t>(base)] = begin; }

 private:
  /// Where the offset of an address with the base kFile lies.
  virtual void* File(uint32_t offset) const = 0;

  const ValueRecord* values_;
  const uint16_t* indices_;
  const uint32_t* words_;
  uint8_t* begin_[static_cast<uint32_t>(Base::kFile)] = {};
};

class StepView {
 public:
  StepView(const StepRecord& step, const ProgramView& program)
      : step_(step), program_(program), words_(program.words() + step.word_begin) {}

  const StepRecord& record() const { return step_; }
  Phase phase() const { return static_cast<Phase>(step_.phase); }

  /// Number of arguments, absent ones included.
  uint32_t size() const { return step_.value_count; }
  bool Has(uint32_t argument) const;
  /// The record of an argument that is present.
  const ValueRecord& value(uint32_t argument) const;
  /// Memory of an argument below size(), null if it is absent.
  template <class T>
  T* data(uint32_t argument) const {
    return static_cast<T*>(program_.At(*(words_ - 1 - argument)));
  }
  bool accumulates(uint32_t error_output) const { return (step_.accumulate_mask >> error_output & 1u) != 0; }

  uint32_t word_count() const { return step_.word_count; }
  const int32_t* words() const { return reinterpret_cast<const int32_t*>(words_); }
  int32_t word(uint32_t i) const { return static_cast<int32_t>(words_[i]); }
  float word_f32(uint32_t i) const { return FloatOf(words_[i]); }

 private:
  uint32_t Index(uint32_t argument) const { return program_.indices()[step_.value_begin + argument]; }

  const StepRecord& step_;
  const ProgramView& program_;
  const uint32_t* words_;  // constants; the addresses of the arguments are in front
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

#endif  // TFLM_TRAIN_PLAN_STEP_VIEW_H_
