// TinyProp (Rueb et al., arXiv 2308.09201): the part of the error that goes on follows its size relative to its running
// maximum. The decay of the maximum is ours: with decay 1 it is the paper's.
#include <cfloat>

#include "tflm_train/policies/policies.h"
#include "tflm_train/policies/selector/top_k.h"

namespace tflm_train {
namespace {

/// Number of elements that go on of an error whose magnitudes sum to `sum`; 0: the layer is skipped.
template <class Error>
uint32_t SizeFor(const Error& error, float sum) {
  // An overflow below the loss: all elements go on, so that the output tells, and the maximum stays usable.
  if (!(sum <= FLT_MAX)) return error.elements;
  const TrainingOptions& options = error.options;
  float& maximum = *error.running_maximum;
  const float decayed = options.decay * maximum;
  maximum = decayed > sum ? decayed : sum;
  if (sum == 0.0f) return 0;
  // S = (S_min + (S_max - S_min) Y / Ymax) damping^d
  float part = options.s_min + (options.s_max - options.s_min) * (sum / maximum);
  for (uint32_t i = 0; i < error.layer.distance && part > 0.0f; ++i) part *= options.damping;
  return SelectionSize(part, error.elements);
}

template <class Error>
bool Run(const Error& error) {
  const Candidates candidates = GatherKeys(error);
  return KeepLargest(error, candidates, SizeFor(error, candidates.sum));
}

}  // namespace

const Selector kTinypropSelector(SelectorId::kTinyprop, Run<LayerError>, Run<IntegerLayerError>);

}  // namespace tflm_train
