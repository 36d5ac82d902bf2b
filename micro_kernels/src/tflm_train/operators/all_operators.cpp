#include "tflm_train/operators/all_operators.h"

#include "tflm_train/operators/add.h"
#include "tflm_train/operators/average_pool_2d.h"
#include "tflm_train/operators/concatenation.h"
#include "tflm_train/operators/conv_2d.h"
#include "tflm_train/operators/conv_2d_max_pool.h"
#include "tflm_train/operators/copy.h"
#include "tflm_train/operators/depthwise_conv_2d.h"
#include "tflm_train/operators/depthwise_max_pool.h"
#include "tflm_train/operators/fully_connected.h"
#include "tflm_train/operators/hard_swish.h"
#include "tflm_train/operators/leaky_relu.h"
#include "tflm_train/operators/logistic.h"
#include "tflm_train/operators/max_pool_2d.h"
#include "tflm_train/operators/max_pool_argmax.h"
#include "tflm_train/operators/mean.h"
#include "tflm_train/operators/mul.h"
#include "tflm_train/operators/pad.h"
#include "tflm_train/operators/relu.h"
#include "tflm_train/operators/relu6.h"
#include "tflm_train/operators/relu_n1_to_1.h"
#include "tflm_train/operators/softmax.h"
#include "tflm_train/operators/sub.h"
#include "tflm_train/operators/tanh.h"
#include "tflm_train/operators/transpose.h"

namespace tflm_train {

const Operator* const kAllOperators[kOperatorCount] = {
    &kAdd,
    &kAveragePool2d,
    &kConcatenation,
    &kConv2d,
    &kConv2dMaxPool,
    &kCopy,
    &kDepthwiseConv2d,
    &kDepthwiseMaxPool,
    &kFullyConnected,
    &kHardSwish,
    &kLeakyRelu,
    &kLogistic,
    &kMaxPool2d,
    &kMaxPoolArgmax,
    &kMean,
    &kMul,
    &kPad,
    &kRelu,
    &kRelu6,
    &kReluN1To1,
    &kSoftmax,
    &kSub,
    &kTanh,
    &kTranspose,
};

}  // namespace tflm_train
