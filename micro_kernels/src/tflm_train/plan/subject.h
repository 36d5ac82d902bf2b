// What a refusal is about, in one byte: its text is linked only by firmware that shows it.
#ifndef TFLM_TRAIN_PLAN_SUBJECT_H_
#define TFLM_TRAIN_PLAN_SUBJECT_H_

#include <cstdint>

#include "tflm_train/plan/plan_format.h"
#include "tflm_train/status.h"

namespace tflm_train {

/// What was checked. From kFirstKernel on: a kernel (`SubjectOf`). SubjectText has the texts in this order.
enum class Subject : uint8_t {
  kNone,
  kModel,
  kMetadata,
  kPlanSize,
  kPlanAlignment,
  kMagic,
  kPlanVersion,
  kPlanChecksum,
  kSectionPlace,
  kRequiredSection,
  kSectionRecords,
  kMissingSection,
  kDefaults,
  kModelStructure,
  kWeights,
  kWeightsChecksum,
  kParameterCount,
  kParameter,
  kLayer,
  kPersistentMemory,
  kProgram,
  kValue,
  kAlias,
  kEnds,
  kOverlap,
  kStep,
  kUnknownKernel,
  kNativeProgram,
  kTflmProgram,
  kDifferentPrograms,
  kArena,
  kProgramMemory,
  kForwardPass,
  kOptions,
  kState,
  kInput,
  kOutput,
  kResult,
  kLabel,
  kSelector,  // policies, in the order of PolicyKind
  kLoss,
  kGate,
  kOptimizer,
  kUpdate,
  kAccumulation,
  kQuantization,
  kClipping,
  kOutputError,
  kSampleWeight,
  kCut,
  kReplay,
  kAlign,
  kSpareClasses,
  kCount,
  kFirstKernel = 64,
};
static_assert(Subject::kCount <= Subject::kFirstKernel);

/// Of a kernel, whatever a plan states as its number.
constexpr Subject SubjectOf(uint16_t kernel) {
  if (kernel >= kKernelCount) return Subject::kUnknownKernel;
  return static_cast<Subject>(static_cast<uint32_t>(Subject::kFirstKernel) + kernel);
}
static_assert(static_cast<uint32_t>(Subject::kFirstKernel) + kKernelCount <= 256);

constexpr Subject SubjectOf(PolicyKind kind) {
  return static_cast<Subject>(static_cast<uint32_t>(Subject::kSelector) + static_cast<uint32_t>(kind));
}
static_assert(SubjectOf(PolicyKind::kUpdate) == Subject::kUpdate &&
              SubjectOf(PolicyKind::kStorage) == Subject::kQuantization && kPolicyKindCount == 8);

/// Status and subject of a refusal in one number: kNothing if there is none.
enum class Finding : uint16_t { kNothing = 0 };

constexpr Finding Found(Status status, Subject subject) {
  return static_cast<Finding>(static_cast<uint32_t>(status) | static_cast<uint32_t>(subject) << 8);
}
/// The plan contradicts itself or the model.
constexpr Finding Invalid(Subject subject) { return Found(Status::kPlanInvalid, subject); }

constexpr Status StatusOf(Finding finding) { return static_cast<Status>(static_cast<uint32_t>(finding) & 0xFFu); }
constexpr Subject SubjectOf(Finding finding) { return static_cast<Subject>(static_cast<uint32_t>(finding) >> 8); }

/// A few words, or the operator's name; empty for kNone. Never null.
const char* SubjectText(Subject subject);

}  // namespace tflm_train

#endif  // TFLM_TRAIN_PLAN_SUBJECT_H_
