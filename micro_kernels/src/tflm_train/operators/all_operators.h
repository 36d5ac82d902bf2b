// Every operator of the library, for hosts and for firmware that does not know its model beforehand.
#ifndef TFLM_TRAIN_OPERATORS_ALL_OPERATORS_H_
#define TFLM_TRAIN_OPERATORS_ALL_OPERATORS_H_

#include "tflm_train/operators/operators.h"
#include "tflm_train/runtime/operator_set.h"

namespace tflm_train {

extern const Operator* const kAllOperators[kOperatorCount];

class AllOperators : public StaticOperatorSet<kOperatorCount> {
 public:
  AllOperators() {
    for (const Operator* added : kAllOperators) Add(*added);
  }
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_OPERATORS_ALL_OPERATORS_H_
