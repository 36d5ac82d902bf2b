#include "tflm_train/runtime/kernel_arguments.h"

namespace tflm_train {
namespace {

constexpr uint32_t Bit(uint32_t argument) { return 1u << argument; }
constexpr uint32_t kAllArguments = (1u << kMaxOperatorValues) - 1;

constexpr KernelArguments Layer(KernelId kernel, const char* name) {
  return {kernel, name, Bit(3), 0, Bit(3) | Bit(4) | Bit(5), 0, Bit(5)};
}
constexpr KernelArguments PooledLayer(KernelId kernel, const char* name) {
  return {kernel, name, Bit(3) | Bit(4), Bit(4), Bit(3) | Bit(4) | Bit(5), Bit(6), Bit(5)};
}
/// x, y forward; `saved` values, dy, dx backward.
constexpr KernelArguments Unary(KernelId kernel, const char* name, uint32_t saved) {
  return {kernel, name, Bit(1), 0, Bit(saved) | Bit(saved + 1), 0, 0};
}
/// a, b, y forward; `saved` values, dy, da, db backward.
constexpr KernelArguments Binary(KernelId kernel, const char* name, uint32_t saved) {
  return {kernel, name, Bit(2), 0, Bit(saved) | Bit(saved + 1) | Bit(saved + 2), 0, 0};
}

constexpr KernelArguments kArguments[] = {
    Layer(KernelId::kConv2d, "CONV_2D"),
    Layer(KernelId::kDepthwiseConv2d, "DEPTHWISE_CONV_2D"),
    Layer(KernelId::kFullyConnected, "FULLY_CONNECTED"),
    PooledLayer(KernelId::kConv2dMaxPool, "CONV_2D_MAX_POOL"),
    PooledLayer(KernelId::kDepthwiseMaxPool, "DEPTHWISE_MAX_POOL"),
    {KernelId::kMaxPool2d, "MAX_POOL_2D", Bit(1) | Bit(2), Bit(2), Bit(2) | Bit(3), Bit(1), 0},
    {KernelId::kMaxPoolArgmax, "MAX_POOL_ARGMAX", Bit(2), Bit(2), 0, 0, 0},
    {KernelId::kConcatenation, "CONCATENATION", Bit(0), 0, kAllArguments, 0, 0},
    Binary(KernelId::kAdd, "ADD", 1),
    Binary(KernelId::kSub, "SUB", 1),
    Binary(KernelId::kMul, "MUL", 3),
    Unary(KernelId::kAveragePool2d, "AVERAGE_POOL_2D", 1),
    Unary(KernelId::kMean, "MEAN", 0),
    Unary(KernelId::kPad, "PAD", 0),
    Unary(KernelId::kTranspose, "TRANSPOSE", 0),
    Unary(KernelId::kCopy, "COPY", 0),
    Unary(KernelId::kSoftmax, "SOFTMAX", 1),
    Unary(KernelId::kLogistic, "LOGISTIC", 1),
    Unary(KernelId::kTanh, "TANH", 1),
    Unary(KernelId::kRelu, "RELU", 1),
    Unary(KernelId::kRelu6, "RELU6", 1),
    Unary(KernelId::kReluN1To1, "RELU_N1_TO_1", 1),
    Unary(KernelId::kLeakyRelu, "LEAKY_RELU", 1),
    Unary(KernelId::kHardSwish, "HARD_SWISH", 1),
};

}  // namespace

const KernelArguments* FindKernelArguments(KernelId kernel) {
  for (const KernelArguments& arguments : kArguments) {
    if (arguments.kernel == kernel) return &arguments;
  }
  return nullptr;
}

}  // namespace tflm_train
