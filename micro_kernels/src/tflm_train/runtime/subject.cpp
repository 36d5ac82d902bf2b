#include "tflm_train/runtime/subject.h"

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
    "input",
    "output",
    "result",
    "label",
    "loss",
    "error at the output",
};
static_assert(sizeof kTexts / sizeof *kTexts == static_cast<uint32_t>(Subject::kCount));

// By KernelId.
constexpr const char* kKernels[] = {
    "ADD",
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "LOGISTIC",
    "MAX_POOL_2D",
    "MUL",
    "RELU",
    "RELU_N1_TO_1",
    "RELU6",
    "SOFTMAX",
    "TANH",
    "PAD",
    "TRANSPOSE",
    "MEAN",
    "SUB",
    "LEAKY_RELU",
    "HARD_SWISH",
    "CONV_2D_MAX_POOL",
    "DEPTHWISE_MAX_POOL",
    "COPY",
    "MAX_POOL_ARGMAX",
    "EXTERNAL",
};
static_assert(sizeof kKernels / sizeof *kKernels == kKernelCount);

}  // namespace

const char* SubjectText(Subject subject) {
  if (subject < Subject::kCount) return kTexts[static_cast<uint32_t>(subject)];
  const uint32_t kernel = static_cast<uint32_t>(subject) - static_cast<uint32_t>(Subject::kFirstKernel);
  return kernel < kKernelCount ? kKernels[kernel] : kTexts[static_cast<uint32_t>(Subject::kUnknownKernel)];
}

}  // namespace tflm_train
