#include "tflm_train/plan/subject.h"

#include "tflm_train/plan/kernel_names.h"

namespace tflm_train {
namespace {

constexpr const char* kTexts[] = {
    "",
    "model",
    "metadata",
    "plan size",
    "alignment of the plan in the file",
    "plan magic",
    "plan version",
    "plan checksum",
    "place of a section",
    "required section",
    "records of a section",
    "missing section",
    "defaults",
    "structure of the model",
    "weights",
    "checksum of the weights",
    "number of parameters",
    "parameter",
    "layer",
    "persistent memory",
    "program",
    "value",
    "alias of a value",
    "input, output or loss of a program",
    "overlap of values",
    "step",
    "kernel unknown to this release",
    "native",
    "tflm",
    "programs of different models",
    "arena",
    "program memory",
    "forward pass",
    "options",
    "state of training",
    "input",
    "output",
    "result",
    "label",
    "selector",
    "loss",
    "gate",
    "optimizer",
    "update",
    "accumulation",
    "quantisation",
    "clipping",
    "error at the output",
    "weight of the sample",
    "cut",
    "replay",
    "alignment",
    "spare classes",
};
static_assert(sizeof kTexts / sizeof *kTexts == static_cast<uint32_t>(Subject::kCount));

static_assert(sizeof kKernelNames / sizeof *kKernelNames == kKernelCount);

}  // namespace

const char* SubjectText(Subject subject) {
  if (subject < Subject::kCount) return kTexts[static_cast<uint32_t>(subject)];
  const uint32_t kernel = static_cast<uint32_t>(subject) - static_cast<uint32_t>(Subject::kFirstKernel);
  return kernel < kKernelCount ? kKernelNames[kernel] : kTexts[static_cast<uint32_t>(Subject::kUnknownKernel)];
}

}  // namespace tflm_train
