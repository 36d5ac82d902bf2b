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

struct NamedKernel {
  KernelId kernel;
  const char* name;
};
constexpr NamedKernel kKernels[] = {
    {KernelId::kAdd, "ADD"},
    {KernelId::kAveragePool2d, "AVERAGE_POOL_2D"},
    {KernelId::kConcatenation, "CONCATENATION"},
    {KernelId::kConv2d, "CONV_2D"},
    {KernelId::kDepthwiseConv2d, "DEPTHWISE_CONV_2D"},
    {KernelId::kFullyConnected, "FULLY_CONNECTED"},
    {KernelId::kLogistic, "LOGISTIC"},
    {KernelId::kMaxPool2d, "MAX_POOL_2D"},
    {KernelId::kMul, "MUL"},
    {KernelId::kRelu, "RELU"},
    {KernelId::kReluN1To1, "RELU_N1_TO_1"},
    {KernelId::kRelu6, "RELU6"},
    {KernelId::kSoftmax, "SOFTMAX"},
    {KernelId::kTanh, "TANH"},
    {KernelId::kPad, "PAD"},
    {KernelId::kTranspose, "TRANSPOSE"},
    {KernelId::kMean, "MEAN"},
    {KernelId::kSub, "SUB"},
    {KernelId::kLeakyRelu, "LEAKY_RELU"},
    {KernelId::kHardSwish, "HARD_SWISH"},
    {KernelId::kConv2dMaxPool, "CONV_2D_MAX_POOL"},
    {KernelId::kDepthwiseMaxPool, "DEPTHWISE_MAX_POOL"},
    {KernelId::kCopy, "COPY"},
    {KernelId::kMaxPoolArgmax, "MAX_POOL_ARGMAX"},
    {KernelId::kExternal, "EXTERNAL"},
};

}  // namespace

const char* SubjectText(Subject subject) {
  if (subject < Subject::kCount) return kTexts[static_cast<uint32_t>(subject)];
  for (const NamedKernel& entry : kKernels) {
    if (SubjectOf(static_cast<uint16_t>(entry.kernel)) == subject) return entry.name;
  }
  return kTexts[static_cast<uint32_t>(Subject::kUnknownKernel)];
}

}  // namespace tflm_train
