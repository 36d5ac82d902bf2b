// On-device training for TensorFlow Lite Micro: everything that a firmware includes.
//
//   alignas(16) static uint8_t arena[ARENA_BYTES];         // the converter states the size
//   const tflm_train::AllOperators operators;              // or those of operators.h, which take less flash
//   tflm_train::Trainer trainer;
//   trainer.Init(model, model_size, operators, arena, sizeof arena);
//   trainer.Step(input, tflm_train::Label::Class(2));      // learn one sample
//   trainer.Step(input, tflm_train::Label::Class(2), 5);   // one that counts five times
//   trainer.Infer(input, &output);
//
// In a firmware that runs TensorFlow Lite Micro, see tflm_train/tflm/trainable_interpreter.h.
#ifndef TFLM_TRAIN_H_
#define TFLM_TRAIN_H_

#include "tflm_train/operators/all_operators.h"
#include "tflm_train/policies/label.h"
#include "tflm_train/policies/policies.h"
#include "tflm_train/requirements.h"
#include "tflm_train/status.h"
#include "tflm_train/train/alignment.h"
#include "tflm_train/train/class_teacher.h"
#include "tflm_train/train/latent_replay.h"
#include "tflm_train/train/operator_set.h"
#include "tflm_train/train/remembered_loss.h"
#include "tflm_train/train/trainer.h"

#endif  // TFLM_TRAIN_H_
