// What a step or an evaluation tells about its sample.
#ifndef TFLM_TRAIN_RUNTIME_STEP_RESULT_H_
#define TFLM_TRAIN_RUNTIME_STEP_RESULT_H_

namespace tflm_train {

struct StepResult {
  float loss;    // before the update
  bool correct;  // arg-max of the output (first on ties) equals the label's; one output: the same side of 0.5 (0 for
                 // logits)
};

}  // namespace tflm_train

#endif  // TFLM_TRAIN_RUNTIME_STEP_RESULT_H_
