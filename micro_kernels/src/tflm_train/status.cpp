#include "tflm_train/status.h"

namespace tflm_train {

const char* StatusText(Status status) {
  switch (status) {
    case Status::kOk:
      return "No error.";
    case Status::kInvalidArgument:
      return "An argument is null or outside its range; check the call.";
    case Status::kMisaligned:
      return "The model or the arena does not start on a multiple of 16 bytes; declare it with alignas(16).";
    case Status::kInvalidModel:
      return "The model is no intact TensorFlow Lite file with one subgraph; transfer or convert it again.";
    case Status::kNoPlan:
      return "The model carries no training plan; convert it with tflm-train first.";
    case Status::kPlanVersion:
      return "The training plan belongs to another release; convert the model again, or update the device library.";
    case Status::kPlanDamaged:
      return "The training plan's size or checksum is wrong; transfer or convert the model again.";
    case Status::kPlanInvalid:
      return "The training plan contradicts itself or the model; convert the model again.";
    case Status::kModelMismatch:
      return "The model's structure or weights are not those that the plan was made for; convert the model again.";
    case Status::kArenaTooSmall:
      return "The arena is too small for the plan; give it the required number of bytes.";
    case Status::kMissingOperator:
      return "The plan needs an operator or a policy that the operator set lacks; add it, or let tflm-train convert "
             "write "
             "operators.h for this model.";
    case Status::kNoProgram:
      return "The plan holds no program for this forward pass; convert the model again, which names an operator that "
             "the "
             "pass cannot run.";
    case Status::kNotInitialized:
      return "The trainer is not initialized; call Init and check its status first.";
    case Status::kInvalidLabel:
      return "The label does not fit the loss and the outputs: class numbers start at 0, one for each row; a cross "
             "entropy's "
             "targets lie in 0 to 1.";
    case Status::kNonFinite:
      return "Input, output, loss or error is NaN or infinite; no weight has changed: check the data or lower the "
             "learning rate.";
    case Status::kSelectorNeedsPlan:
      return "The plan reserved no memory for this selector, gate, accumulation or class; convert the model with that "
             "option.";
    case Status::kInvalidIndex:
      return "The input holds a number that is no index of the model's table; indices go from 0 to its rows less one.";
    case Status::kUnsupportedType:
      return "The plan is sound, but trains numbers of a type that this release does not; update the device library.";
    case Status::kForwardFailed:
      return "The forward pass of the interpreter failed; see its own message.";
    case Status::kBodyNeedsTflm:
      return "This plan needs TFLM for its body: use TrainableInterpreter, or InitFromCut and give it the activations "
             "at "
             "the cut.";
    case Status::kClassTrained:
      return "The class is in use already, from training or from the file; train it on with Step.";
  }
  return "Unknown status number; the two sides have different releases.";
}

}  // namespace tflm_train
