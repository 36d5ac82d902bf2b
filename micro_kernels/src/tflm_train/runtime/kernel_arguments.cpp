#include "tflm_train/runtime/kernel_arguments.h"

namespace tflm_train {
namespace {

constexpr uint16_t Number(KernelId kernel) { return static_cast<uint16_t>(kernel); }
constexpr uint8_t Bit(uint32_t argument) { return static_cast<uint8_t>(1u << argument); }
constexpr uint8_t Bits(uint32_t first, uint32_t count) { return static_cast<uint8_t>(((1u << count) - 1) << first); }

constexpr KernelArguments Layer(const char* name, KernelId kernel) {
  return {name, Number(kernel), Bit(3), 0, Bits(3, 3), 0, Bit(5)};
}
constexpr KernelArguments PooledLayer(const char* name, KernelId kernel) {
  return {name, Number(kernel), Bits(3, 2), Bit(4), Bits(3, 3), Bit(6), Bit(5)};
}
/// x, y forward; `saved` values, dy, dx backward.
constexpr KernelArguments Unary(const char* name, KernelId kernel, uint32_t saved) {
  return {name, Number(kernel), Bit(1), 0, Bits(saved, 2), 0, 0};
}
/// a, b, y forward; `saved` values, dy, da, db backward.
constexpr KernelArguments Binary(const char* name, KernelId kernel, uint32_t saved) {
  return {name, Number(kernel), Bit(2), 0, Bits(saved, 3), 0, 0};
}

constexpr KernelArguments kArguments[] = {
    Layer("CONV_2D", KernelId::kConv2d),
    Layer("DEPTHWISE_CONV_2D", KernelId::kDepthwiseConv2d),
    Layer("FULLY_CONNECTED", KernelId::kFullyConnected),
    PooledLayer("CONV_2D_MAX_POOL", KernelId::kConv2dMaxPool),
    PooledLayer("DEPTHWISE_MAX_POOL", KernelId::kDepthwiseMaxPool),
    {"MAX_POOL_2D", Number(KernelId::kMaxPool2d), Bits(1, 2), Bit(2), Bits(2, 2), Bit(1), 0},
    {"MAX_POOL_ARGMAX", Number(KernelId::kMaxPoolArgmax), Bit(2), Bit(2), 0, 0, 0},
    {"CONCATENATION", Number(KernelId::kConcatenation), Bit(0), 0, Bits(0, 8), 0, 0},
    Binary("ADD", KernelId::kAdd, 1),
    Binary("SUB", KernelId::kSub, 1),
    Binary("MUL", KernelId::kMul, 3),
    Unary("AVERAGE_POOL_2D", KernelId::kAveragePool2d, 1),
    Unary("MEAN", KernelId::kMean, 0),
    Unary("PAD", KernelId::kPad, 0),
    Unary("TRANSPOSE", KernelId::kTranspose, 0),
    Unary("COPY", KernelId::kCopy, 0),
    Unary("SOFTMAX", KernelId::kSoftmax, 1),
    Unary("LOGISTIC", KernelId::kLogistic, 1),
    Unary("TANH", KernelId::kTanh, 1),
    Unary("RELU", KernelId::kRelu, 1),
    Unary("RELU6", KernelId::kRelu6, 1),
    Unary("RELU_N1_TO_1", KernelId::kReluN1To1, 1),
    Unary("LEAKY_RELU", KernelId::kLeakyRelu, 1),
    Unary("HARD_SWISH", KernelId::kHardSwish, 1),
};

}  // namespace

const KernelArguments* FindKernelArguments(KernelId kernel) {
  for (const KernelArguments& arguments : kArguments) {
    if (arguments.kernel == Number(kernel)) return &arguments;
  }
  return nullptr;
}

}  // namespace tflm_train
