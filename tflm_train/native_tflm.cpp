// Python's ExternalTrainer: training on a forward pass that is computed elsewhere.
#include "native_tflm.h"

#include <pybind11/numpy.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "native_arrays.h"
#include "tflm_train/operators/all_operators.h"
#include "tflm_train/train/trainer.h"

namespace py = pybind11;

namespace tflm_train {
namespace {

using FloatArray = py::array_t<float, py::array::c_style | py::array::forcecast>;

/// Memory aligned as the trainer asks for.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t size) : storage_(size + kAlignment), size_(size) {}
  uint8_t* data() {
    const auto address = reinterpret_cast<uintptr_t>(storage_.data());
    return storage_.data() + (kAlignment - address % kAlignment) % kAlignment;
  }
  size_t size() const { return size_; }

 private:
  std::vector<uint8_t> storage_;
  size_t size_;
};

/// Asks a Python function for the outputs of each operator.
class PythonForwardPass : public ForwardPass {
 public:
  explicit PythonForwardPass(py::function function) : function_(std::move(function)) {}
  Status Run(uint16_t first_operator, uint16_t last_operator) override {
    function_(first_operator, last_operator);
    return Status::kOk;
  }

 private:
  py::function function_;
};

class ExternalTrainer {
 public:
  ExternalTrainer(const py::bytes& model, size_t persistent_bytes, size_t program_bytes, py::function forward)
      : model_(py::len(model)), persistent_(persistent_bytes), program_(program_bytes), forward_(std::move(forward)) {
    const std::string_view bytes(model);
    std::memcpy(model_.data(), bytes.data(), bytes.size());
    Check(trainer_.InitWithForwardPass(model_.data(), model_.size(), operators_, persistent_.data(), persistent_.size(),
                                       program_.data(), program_.size(), &forward_));
  }

  std::pair<float, bool> Step(const FloatArray& input, int32_t label) {
    CheckInput(input);
    StepResult result = {};
    Check(trainer_.Step(input.data(), Label::Class(label), &result));
    return {result.loss, result.correct != 0};
  }

  std::pair<float, bool> StepFromCut(const FloatArray& activation, int32_t label) {
    const PlanReader& plan = trainer_.plan();
    const ProgramRecord* program = plan.program(ProgramKind::kTrainFromCut, ForwardKind::kTflm);
    if (program != nullptr && static_cast<size_t>(activation.size()) != program->input_elements) {
      throw py::value_error("the activation has " + std::to_string(activation.size()) + " numbers, the cut has " +
                            std::to_string(program->input_elements));
    }
    StepResult result = {};
    Check(trainer_.StepFromCut(activation.data(), Label::Class(label), 1.0f, &result));
    return {result.loss, result.correct != 0};
  }

  py::array_t<float> Infer(const FloatArray& input) {
    CheckInput(input);
    const float* output = nullptr;
    Check(trainer_.Infer(input.data(), &output));
    return py::array_t<float>(trainer_.output_elements(), output);
  }

  /// The memory of the program's values, shared with Python.
  static py::array_t<uint8_t> ProgramMemory(py::object self) {
    auto& trainer = self.cast<ExternalTrainer&>();
    return py::array_t<uint8_t>(trainer.program_.size(), trainer.program_.data(), self);
  }

  py::list Parameters() {
    py::list result;
    for (uint32_t i = 0; i < trainer_.parameter_count(); ++i) {
      const ParameterView parameter = trainer_.parameter(i);
      result.append(py::make_tuple(parameter.tensor, ArrayOf(parameter)));
    }
    return result;
  }

  void SetLearningRate(float learning_rate) {
    TrainingOptions options = trainer_.options();
    options.learning_rate = learning_rate;
    Check(trainer_.SetOptions(options));
  }

 private:
  void CheckInput(const FloatArray& input) const {
    if (static_cast<size_t>(input.size()) != trainer_.input_elements()) {
      throw py::value_error("input has " + std::to_string(input.size()) + " numbers, the model takes " +
                            std::to_string(trainer_.input_elements()));
    }
  }

  void Check(Status status) const {
    if (status == Status::kOk) return;
    std::string text = StatusText(status);
    if (*trainer_.error().Text() != '\0') text += std::string(" [") + trainer_.error().Text() + "]";
    throw std::runtime_error(text);
  }

  AlignedBytes model_;
  AlignedBytes persistent_;
  AlignedBytes program_;
  PythonForwardPass forward_;
  AllOperators operators_;
  Trainer trainer_;
};

}  // namespace

void BindExternalTrainer(py::module_& module) {
  py::class_<ExternalTrainer>(
      module, "ExternalTrainer", py::module_local(),
      "Trains on activations that another interpreter computes (a tflm program of the plan).\n\n"
      "forward(first, last) is called between the hooks and must write the outputs of these\n"
      "operators into program_memory, at the plan's offsets.")
      .def(py::init<const py::bytes&, size_t, size_t, py::function>(), py::arg("model"), py::arg("persistent_bytes"),
           py::arg("program_bytes"), py::arg("forward"))
      .def("step", &ExternalTrainer::Step, py::arg("input"), py::arg("label"), "Train on one sample; (loss, correct).")
      .def("step_from_cut", &ExternalTrainer::StepFromCut, py::arg("activation"), py::arg("label"),
           "Train from a value of the cut's tensor; (loss, correct).")
      .def("infer", &ExternalTrainer::Infer, py::arg("input"), "The model's output.")
      .def("parameters", &ExternalTrainer::Parameters, "List of (tensor, values).")
      .def("set_learning_rate", &ExternalTrainer::SetLearningRate, py::arg("learning_rate"))
      .def_property_readonly("program_memory", &ExternalTrainer::ProgramMemory, "uint8 [program_bytes], shared.");
}

}  // namespace tflm_train
