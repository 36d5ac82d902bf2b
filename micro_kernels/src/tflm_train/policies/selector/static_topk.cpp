// A fixed part of a layer's errors goes on: those with the largest magnitudes.
#include "tflm_train/policies/policies.h"
#include "tflm_train/policies/selector/top_k.h"

namespace tflm_train {
namespace {

template <class Error>
bool Run(const Error& error) {
  const Candidates candidates = GatherKeys(error);
  return KeepLargest(error, candidates, SelectionSize(error.options.ratio, error.elements));
}

}  // namespace

const Selector kStaticTopkSelector(SelectorId::kStaticTopk, Run<LayerError>, Run<IntegerLayerError>);

}  // namespace tflm_train
