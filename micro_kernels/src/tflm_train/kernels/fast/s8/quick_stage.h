// An output stage, looked at once for all outputs of a layer.
#ifndef TFLM_TRAIN_KERNELS_FAST_S8_QUICK_STAGE_H_
#define TFLM_TRAIN_KERNELS_FAST_S8_QUICK_STAGE_H_

#include "tflm_train/kernels/s8/requantize.h"

namespace tflm_train {
namespace fast {
namespace s8 {

/// `quick`: every factor is at least 2^30 and shifts to the right by at most 20. Then a sum of 2^30 or more ends at the
/// bounds of int8, also if it was limited to 2^30 before the multiplication: no kernel needs more than 32 bits.
struct QuickStage {
  QuickStage(const OutputStage& output, int32_t channels) : stage(output), quick(true) {
    const int32_t* pair = stage.factors.pairs;
    for (int32_t left = stage.factors.step == 0 ? 1 : channels; left > 0; --left, pair += 2) {
      quick &= pair[0] >= int32_t{1} << 30 && static_cast<uint32_t>(-1 - pair[1]) < 20;
    }
  }

  const OutputStage& stage;
  bool quick;
};

}  // namespace s8
}  // namespace fast
}  // namespace tflm_train

#endif  // TFLM_TRAIN_KERNELS_FAST_S8_QUICK_STAGE_H_
