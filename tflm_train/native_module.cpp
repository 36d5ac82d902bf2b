// The device library as a Python module: one model in training, in this process.
//
// Built twice from the same sources: _native, and _native_parity with the arithmetic that is equal on all targets. The
// build gives the name as TFLM_TRAIN_MODULE.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "native_arrays.h"
#include "native_tflm.h"
#include "tflm_train/base/crc32.h"
#include "tflm_train/base/float_bits.h"
#include "tflm_train/operators/all_operators.h"
#include "tflm_train/plan/fingerprint.h"
#include "tflm_train/policies/option_names.h"
#include "tflm_train/train/alignment.h"
#include "tflm_train/train/class_teacher.h"
#include "tflm_train/train/latent_replay.h"
#include "tflm_train/train/remembered_loss.h"
#include "tflm_train/train/trainer.h"

namespace py = pybind11;

namespace tflm_train {
namespace {

PyObject* native_error = nullptr;  // the exception class, owned by the module

[[noreturn]] void Throw(Status status, const ErrorDetail& detail) {
  const bool known = detail.status == status;
  const char* subject = known ? detail.Text() : "";
  std::string text = StatusText(status);
  if (*subject != '\0') text += std::string(" [") + subject + "]";
  py::object error = py::reinterpret_borrow<py::object>(native_error)(text);
  error.attr("status") = static_cast<int>(status);
  error.attr("text") = StatusText(status);
  error.attr("subject") = subject;
  error.attr("required_bytes") = known ? detail.required_bytes : 0;
  error.attr("step") = known && detail.step != kNoneIndex ? py::object(py::int_(detail.step)) : py::object(py::none());
  PyErr_SetObject(native_error, error.ptr());
  throw py::error_already_set();
}

/// Memory that starts on kAlignment and ends where it says, so that a sanitizer sees each byte behind it.
class AlignedBytes {
 public:
  explicit AlignedBytes(size_t size) : data_(static_cast<uint8_t*>(operator new(size, std::align_val_t(kAlignment)))) {}
  uint8_t* get() const { return data_.get(); }

 private:
  struct Free {
    void operator()(uint8_t* data) const { operator delete(data, std::align_val_t(kAlignment)); }
  };
  std::unique_ptr<uint8_t, Free> data_;
};

AlignedBytes Copy(std::string_view bytes) {
  AlignedBytes copy(bytes.size());
  std::memcpy(copy.get(), bytes.data(), bytes.size());
  return copy;
}

std::string ShapeText(const py::array& array) {
  std::string text = "[";
  for (py::ssize_t i = 0; i < array.ndim(); ++i) text += (i > 0 ? ", " : "") + std::to_string(array.shape(i));
  return text + "]";
}

/// The array's data, if it has exactly this type and shape; -1 stands for any length.
const void* Data(const char* name, const py::array& array, const py::dtype& dtype, py::ssize_t rows,
                 py::ssize_t columns = -2) {
  const bool matrix = columns != -2;
  const bool shape = array.ndim() == (matrix ? 2 : 1) && (rows == -1 || array.shape(0) == rows) &&
                     (!matrix || columns == -1 || array.shape(1) == columns);
  if (!array.dtype().equal(dtype) || !shape || (array.flags() & py::array::c_style) == 0) {
    const auto length = [](py::ssize_t n) { return n == -1 ? std::string("n") : std::to_string(n); };
    throw py::value_error(std::string(name) + " must be a C-contiguous " + std::string(py::str(dtype)) +
                          " array of shape [" + length(rows) + (matrix ? ", " + length(columns) : "") + "], not " +
                          std::string(py::str(array.dtype())) + " " + ShapeText(array));
  }
  return array.data();
}

template <class T>
const T* Data(const char* name, const py::array& array, py::ssize_t rows, py::ssize_t columns = -2) {
  return static_cast<const T*>(Data(name, array, py::dtype::of<T>(), rows, columns));
}

/// Class numbers int32 [n], one for each row int32 [n, rows], or vectors float32 [n, outputs].
class Labels {
 public:
  Labels(const py::array& labels, py::ssize_t samples, uint32_t outputs, uint32_t classes)
      : size_(labels.ndim() == 1 ? 1 : outputs) {
    if (labels.ndim() == 1) {
      classes_ = Data<int32_t>("labels", labels, samples);
    } else if (py::isinstance<py::array_t<int32_t>>(labels)) {
      size_ = outputs / classes;
      rows_ = Data<int32_t>("labels", labels, samples, size_);
    } else {
      vectors_ = Data<float>("labels", labels, samples, size_);
    }
  }
  Labels(const py::array& labels, py::ssize_t samples, const Trainer& trainer)
      : Labels(labels, samples, trainer.output_elements(), trainer.classes()) {}
  Label operator[](size_t i) const {
    if (classes_ != nullptr) return Label::Class(classes_[i]);
    return rows_ != nullptr ? Label::Classes(rows_ + i * size_) : Label::Vector(vectors_ + i * size_);
  }

 private:
  const int32_t* classes_ = nullptr;
  const int32_t* rows_ = nullptr;
  const float* vectors_ = nullptr;
  uint32_t size_;  // of one label
};

class NativeTrainer {
 public:
  NativeTrainer(const py::bytes& model, size_t arena_bytes, bool from_cut)
      : from_cut_(from_cut), arena_bytes_(arena_bytes), model_(Copy(std::string_view(model))), arena_(arena_bytes) {
    const size_t size = std::string_view(model).size();
    Check(from_cut ? trainer_.InitFromCut(model_.get(), size, operators_, arena_.get(), arena_bytes)
                   : trainer_.Init(model_.get(), size, operators_, arena_.get(), arena_bytes));
    if (trainer_.plan().defaults().spare_classes > 0) Check(teacher_.Init(&trainer_));
    const uint32_t replay_bytes = ReplayBytes();
    if (replay_bytes > 0) {
      kept_ = AlignedBytes(replay_bytes);
      Check(replay_.Init(&trainer_, kept_.get(), replay_bytes));
    }
    const uint32_t align_bytes = AlignBytes();
    if (align_bytes > 0) {
      sums_ = AlignedBytes(align_bytes);
      Check(alignment_.Init(&trainer_, sums_.get(), align_bytes));
    }
  }

  py::tuple Train(const py::array& x, const py::array& labels, const py::array& order, const py::object& weights) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    const Labels targets(labels, x.shape(0), trainer_);
    const float* weight = weights.is_none() ? nullptr : Data<float>("weights", weights, x.shape(0));
    const uint32_t* indices = Data<uint32_t>("order", order, -1);
    const auto count = static_cast<size_t>(order.shape(0));
    const auto available = static_cast<size_t>(x.shape(0));
    if (std::any_of(indices, indices + count, [=](uint32_t index) { return index >= available; })) {
      throw py::index_error("order names a sample beyond the " + std::to_string(available) + " samples of x");
    }
    py::array_t<float> losses(static_cast<py::ssize_t>(count));
    py::array_t<uint32_t> correct(static_cast<py::ssize_t>(count));
    py::array_t<bool> trained(static_cast<py::ssize_t>(count)), clipped(static_cast<py::ssize_t>(count));
    float* loss = losses.mutable_data();
    uint32_t* hit = correct.mutable_data();
    bool* went_back = trained.mutable_data();
    bool* was_clipped = clipped.mutable_data();
    std::fill_n(loss, count, 0.0f);
    std::fill_n(hit, count, uint32_t{0});
    std::fill_n(went_back, count, false);
    std::fill_n(was_clipped, count, false);
    size_t done = 0;
    Status status = Status::kOk;
    {
      py::gil_scoped_release release;
      for (; done < count; ++done) {
        StepResult result = {};
        const size_t sample = indices[done];
        const float counts = weight == nullptr ? 1.0f : weight[sample];
        status = trainer_.Step(samples + sample * trainer_.input_elements(), targets[sample], counts, &result);
        if (status != Status::kOk) break;
        schedule_.Remember(indices[done], result.loss, counts);
        loss[done] = result.loss;
        hit[done] = result.correct;
        went_back[done] = result.trained;
        was_clipped[done] = result.clipped;
      }
    }
    return py::make_tuple(losses, correct, trained, clipped, done, static_cast<int>(status));
  }

  void Teach(const py::array& x, const py::array& labels) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    const auto* classes = Data<int32_t>("labels", labels, x.shape(0));
    for (py::ssize_t i = 0; i < x.shape(0); ++i) {
      Check(teacher_.Teach(samples + i * trainer_.input_elements(), classes[i]));
    }
  }

  py::array_t<uint32_t> Remember(const py::array& x, const py::array& labels, const py::object& weights) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    const auto* classes = Data<int32_t>("labels", labels, x.shape(0));
    const float* weight = weights.is_none() ? nullptr : Data<float>("weights", weights, x.shape(0));
    py::array_t<uint32_t> slots(x.shape(0));
    uint32_t* slot = slots.mutable_data();
    for (py::ssize_t i = 0; i < x.shape(0); ++i) {
      Check(replay_.Remember(samples + i * trainer_.input_elements(), classes[i], weight == nullptr ? 1.0f : weight[i],
                             slot + i));
    }
    return slots;
  }

  /// Trains on slots uint32 [k]; numbers uint32 [k]: of their samples in the schedule.
  py::tuple Replay(const py::array& slots, const py::array& numbers) {
    const uint32_t* slot = Data<uint32_t>("slots", slots, -1);
    const uint32_t* number = Data<uint32_t>("numbers", numbers, slots.shape(0));
    py::array_t<float> losses(slots.shape(0));
    py::array_t<uint32_t> correct(slots.shape(0));
    py::array_t<bool> trained(slots.shape(0)), clipped(slots.shape(0));
    float* loss = losses.mutable_data();
    uint32_t* hit = correct.mutable_data();
    bool* went_back = trained.mutable_data();
    bool* was_clipped = clipped.mutable_data();
    const auto count = static_cast<size_t>(slots.shape(0));
    size_t done = 0;
    Status status = Status::kOk;
    {
      py::gil_scoped_release release;
      for (; done < count; ++done) {
        StepResult result = {};
        status = replay_.Replay(slot[done], &result);
        if (status != Status::kOk) break;
        schedule_.Remember(number[done], result.loss, replay_.weight(slot[done]));
        loss[done] = result.loss;
        hit[done] = result.correct;
        went_back[done] = result.trained;
        was_clipped[done] = result.clipped;
      }
    }
    return py::make_tuple(losses, correct, trained, clipped, done, static_cast<int>(status));
  }

  py::array_t<uint32_t> Draw(uint32_t count) {
    py::array_t<uint32_t> slots(static_cast<py::ssize_t>(count));
    for (uint32_t i = 0; i < count; ++i) slots.mutable_data()[i] = replay_.Draw();
    return slots;
  }
  void Forget() { replay_.Clear(); }
  uint32_t ReplayBytes() const { return from_cut_ ? 0 : LatentReplay::Bytes(trainer_.plan()); }
  uint32_t KeptSlots() const { return replay_.used(); }

  void Measure(const py::array& x) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    Status status = Status::kOk;
    {
      py::gil_scoped_release release;
      for (py::ssize_t i = 0; i < x.shape(0) && status == Status::kOk; ++i) {
        status = alignment_.Measure(samples + i * trainer_.input_elements());
      }
    }
    Check(status);
  }

  py::tuple JudgeAlignment(const py::array& x, const py::array& labels) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    const Labels targets(labels, x.shape(0), trainer_);
    Status status = Status::kOk;
    {
      py::gil_scoped_release release;
      for (py::ssize_t i = 0; i < x.shape(0) && status == Status::kOk; ++i) {
        status = alignment_.Judge(samples + i * trainer_.input_elements(), targets[static_cast<size_t>(i)]);
      }
    }
    Check(status);
    return py::make_tuple(alignment_.decisions(), alignment_.correct_before(), alignment_.correct_after());
  }

  bool AcceptAlignment(float margin) {
    bool accepted = false;
    Check(alignment_.Accept(margin, &accepted));
    return accepted;
  }
  void ForgetAlignment() { alignment_.Clear(); }
  uint32_t AlignBytes() const { return from_cut_ ? 0 : Alignment::Bytes(trainer_.plan()); }
  /// One array for all layers, one behind the other.
  py::array_t<float> AlignmentSums() const {
    return py::array_t<float>(static_cast<py::ssize_t>(AlignBytes() / sizeof(float)), alignment_.sums(0));
  }

  py::tuple Evaluate(const py::array& x, const py::array& labels, const py::object& weights) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    const Labels targets(labels, x.shape(0), trainer_);
    const float* weight = weights.is_none() ? nullptr : Data<float>("weights", weights, x.shape(0));
    const auto count = static_cast<size_t>(x.shape(0));
    double loss = 0.0;
    size_t correct = 0;
    Status status = Status::kOk;
    {
      py::gil_scoped_release release;
      for (size_t i = 0; i < count && status == Status::kOk; ++i) {
        StepResult result = {};
        status = trainer_.Evaluate(samples + i * trainer_.input_elements(), targets[i], &result);
        loss += static_cast<double>(result.loss) * (weight == nullptr ? 1.0 : static_cast<double>(weight[i]));
        correct += result.correct;
      }
    }
    Check(status);
    return py::make_tuple(count > 0 ? loss / static_cast<double>(count) : 0.0, correct);
  }

  py::array_t<float> Predict(const py::array& x) {
    const float* samples = Data<float>("x", x, -1, trainer_.input_elements());
    const uint32_t inputs = trainer_.input_elements(), outputs = trainer_.output_elements();
    py::array_t<float> result({x.shape(0), static_cast<py::ssize_t>(outputs)});
    float* row = result.mutable_data();
    const auto count = static_cast<size_t>(x.shape(0));
    Status status = Status::kOk;
    {
      py::gil_scoped_release release;
      for (size_t i = 0; i < count; ++i) {
        const float* output = nullptr;
        status = trainer_.Infer(samples + i * inputs, &output);
        if (status != Status::kOk) break;
        std::memcpy(row + i * outputs, output, outputs * sizeof(float));
      }
    }
    Check(status);
    return result;
  }

  void BeginSchedule(uint32_t samples, float threshold) {
    schedule_ = {};
    remembered_.assign(RememberedLoss::Bytes(samples), 0);
    if (samples > 0) Check(schedule_.Init(remembered_.data(), samples, threshold));
  }
  py::array_t<bool> NextEpoch(uint32_t samples) {
    if (samples > schedule_.samples()) {
      throw py::index_error("the schedule has " + std::to_string(schedule_.samples()) + " samples");
    }
    py::array_t<bool> result(static_cast<py::ssize_t>(samples));
    for (uint32_t i = 0; i < samples; ++i) result.mutable_data()[i] = schedule_.Next(i);
    return result;
  }

  void Flush() { Check(trainer_.Flush()); }
  void Reset() {
    BeginSchedule(0, 0.0f);
    replay_.Clear();
    alignment_.Clear();
    Check(trainer_.Reset());
  }

  py::list Parameters() {
    py::list result;
    for (uint32_t i = 0; i < trainer_.parameter_count(); ++i) {
      const ParameterView parameter = trainer_.parameter(i);
      result.append(py::make_tuple(parameter.tensor, ArrayOf(parameter)));
    }
    return result;
  }

  void SetParameter(uint32_t index, const py::array& values) {
    if (index >= trainer_.parameter_count()) {
      throw py::index_error("there are " + std::to_string(trainer_.parameter_count()) + " parameters, no parameter " +
                            std::to_string(index));
    }
    const ParameterView parameter = trainer_.parameter(index);
    const void* data = Data("values", values, DtypeOf(parameter.type), parameter.elements);
    trainer_.WriteParameter(index, 0, data, parameter.bytes());
  }

  /// One array per parameter, or None where the plan reserves no gradients.
  py::list Gradients() {
    py::list result;
    for (uint32_t i = 0; i < trainer_.parameter_count(); ++i) {
      const float* gradient = trainer_.gradient(i);
      if (gradient == nullptr) {
        result.append(py::none());
      } else {
        result.append(py::array_t<float>(static_cast<py::ssize_t>(trainer_.parameter(i).elements), gradient));
      }
    }
    return result;
  }

  py::dict Counters() const {
    const WorkCounters& work = trainer_.counters();
    py::dict result;
    result["forward"] = work.forward;
    result["input_error"] = work.input_error;
    result["weight_gradient"] = work.weight_gradient;
    result["update"] = work.update;
    result["selection"] = work.selection;
    return result;
  }
  void ResetCounters() { trainer_.ResetCounters(); }

  py::bytes State() const {
    std::string state(trainer_.state_bytes(), '\0');
    trainer_.ReadState(0, state.data(), trainer_.state_bytes());
    return py::bytes(state);
  }
  void SetState(const py::bytes& state) {
    const auto bytes = static_cast<std::string_view>(state);
    const bool whole = bytes.size() == trainer_.state_bytes();
    Check(trainer_.WriteState(0, whole ? bytes.data() : nullptr, static_cast<uint32_t>(bytes.size())));
  }

  py::dict Options() const {
    uint32_t words[kOptionCount];
    std::memcpy(words, &trainer_.options(), sizeof words);
    py::dict result;
    for (uint32_t i = 0; i < kOptionCount; ++i) {
      const char* name = OptionName(i);
      if (OptionIsFloat(i)) {
        result[name] = FloatOf(words[i]);
      } else {
        result[name] = words[i];
      }
    }
    return result;
  }

  void SetOptions(const py::kwargs& changes) {
    uint32_t words[kOptionCount];
    std::memcpy(words, &trainer_.options(), sizeof words);
    for (const auto& [key, value] : changes) {
      const auto name = key.cast<std::string>();
      uint32_t i = 0;
      while (i < kOptionCount && name != OptionName(i)) ++i;
      if (i == kOptionCount) throw py::type_error("unknown option " + name);
      // -0 is 0: options are compared by their bits
      words[i] = OptionIsFloat(i) ? BitsOf(value.cast<float>() + 0.0f) : value.cast<uint32_t>();
    }
    TrainingOptions options;
    std::memcpy(&options, words, sizeof options);
    Check(trainer_.SetOptions(options));
  }

  uint32_t InputElements() const { return trainer_.input_elements(); }
  uint32_t OutputElements() const { return trainer_.output_elements(); }
  /// What the plan takes of the arena.
  uint32_t ArenaUsed() const {
    uint32_t program_bytes = 0;
    for (uint32_t i = 0; i < trainer_.plan().program_count(); ++i) {
      const ProgramRecord& program = trainer_.plan().program(i);
      const bool behind_cut = program.kind == static_cast<uint16_t>(ProgramKind::kTrainFromCut) ||
                              program.kind == static_cast<uint16_t>(ProgramKind::kInferFromCut);
      if (program.forward_kind != static_cast<uint16_t>(ForwardKind::kNative) || behind_cut != from_cut_) continue;
      program_bytes = std::max(program_bytes, program.arena_bytes);
    }
    return trainer_.plan().defaults().persistent_bytes + program_bytes;
  }
  size_t ArenaBytes() const { return arena_bytes_; }

 private:
  void Check(Status status) const {
    if (status != Status::kOk) Throw(status, trainer_.error());
  }

  bool from_cut_;
  size_t arena_bytes_;
  AlignedBytes model_;
  AlignedBytes arena_;
  AllOperators operators_;
  Trainer trainer_;
  AlignedBytes kept_{0};
  LatentReplay replay_;
  AlignedBytes sums_{0};
  Alignment alignment_;
  ClassTeacher teacher_;
  std::vector<uint8_t> remembered_;
  RememberedLoss schedule_;
};

/// The checksum of an augmented model as the device computes it.
uint32_t ModelFingerprint(const py::bytes& model, const py::array& parameter_tensors) {
  const std::string_view bytes(model);
  const AlignedBytes copy = Copy(bytes);
  ModelView view;
  uint32_t crc = 0;
  const auto* tensors = Data<uint32_t>("parameter_tensors", parameter_tensors, -1);
  std::vector<ParameterRecord> parameters(static_cast<size_t>(parameter_tensors.shape(0)));
  for (size_t i = 0; i < parameters.size(); ++i) parameters[i].tensor = tensors[i];
  if (!view.Open(copy.get(), static_cast<uint32_t>(bytes.size())) ||
      !Fingerprint(view, parameters.data(), static_cast<uint32_t>(parameters.size()), &crc)) {
    Throw(Status::kInvalidModel, {});
  }
  return crc;
}

/// (Mean of a loss over samples, infinite if one is; correct decisions).
py::tuple Judge(uint32_t number, const py::array& outputs, const py::array& labels, uint32_t classes) {
  static const AllOperators all;
  const Loss* loss = all.Find<Loss>(static_cast<LossId>(number));
  const float* values = Data<float>("outputs", outputs, -1, -1);
  const auto size = static_cast<uint32_t>(outputs.shape(1));
  if (loss == nullptr || classes == 0 || size % classes != 0) throw py::value_error("no such loss, or no such rows");
  const Labels targets(labels, outputs.shape(0), size, classes);
  const auto samples = static_cast<size_t>(outputs.shape(0));
  double sum = 0.0;
  uint64_t correct = 0;
  for (size_t i = 0; i < samples; ++i) {
    StepResult result = {};
    const Label label = targets[i];
    const Finding finding = loss->run({label, values + i * size, size, nullptr, 1.0f, classes}, &result);
    if (finding != Finding::kNothing && finding != Found(Status::kNonFinite, Subject::kLoss)) {
      throw py::value_error("an output or a label is none for this loss");
    }
    sum += finding == Finding::kNothing ? static_cast<double>(result.loss) : std::numeric_limits<double>::infinity();
    correct += result.correct;
  }
  return py::make_tuple(sum / static_cast<double>(samples), correct);
}

uint32_t BytesCrc32(const py::bytes& data) {
  const std::string_view bytes(data);
  return Crc32Of(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<uint32_t>(bytes.size()));
}

void BindTrainer(py::module_& module) {
  py::class_<NativeTrainer>(
      module, "NativeTrainer", py::module_local(),
      "One model in training. Keeps copies of the model and of the arena of arena_bytes bytes.\n\n"
      "from_cut: what lies behind the plan's cut; samples are values of the cut's tensor.")
      .def(py::init<const py::bytes&, size_t, bool>(), py::arg("model"), py::arg("arena_bytes"),
           py::arg("from_cut") = false)
      .def(
          "train", &NativeTrainer::Train, py::arg("x"), py::arg("labels"), py::arg("order"),
          py::arg("weights") = py::none(),
          "Train on x[order] (float32 [n, inputs]) with labels int32 [n] or float32 [n, outputs]; order uint32 [k]; "
          "weights float32 [n] of the samples.\n\n"
          "Returns (losses float32 [k], correct uint32 [k], trained bool [k], done, status): stops at the first status "
          "other than 0.")
      .def("teach", &NativeTrainer::Teach, py::arg("x"), py::arg("labels"),
           "Take in samples of spare classes, int32 [n]; stops at the first that is refused.")
      .def("remember", &NativeTrainer::Remember, py::arg("x"), py::arg("labels"), py::arg("weights") = py::none(),
           "Keep activations of x, perhaps; slots uint32 [n].")
      .def("replay", &NativeTrainer::Replay, py::arg("slots"), py::arg("numbers"),
           "Train on what slots uint32 [k] keep; as train.")
      .def("draw", &NativeTrainer::Draw, py::arg("count"), "Slots by chance, uint32 [count].")
      .def("forget", &NativeTrainer::Forget, "Empty all slots.")
      .def_property_readonly("replay_bytes", &NativeTrainer::ReplayBytes, "Memory for activations.")
      .def_property_readonly("kept_slots", &NativeTrainer::KeptSlots, "Slots with something in them.")
      .def("measure", &NativeTrainer::Measure, py::arg("x"), "Take samples without labels into the statistics.")
      .def("judge_alignment", &NativeTrainer::JudgeAlignment, py::arg("x"), py::arg("labels"),
           "(decisions, correct before, correct after the correction) of all that was judged.")
      .def("accept_alignment", &NativeTrainer::AcceptAlignment, py::arg("margin"),
           "Whether the correction was accepted; nothing is measured any more.")
      .def("forget_alignment", &NativeTrainer::ForgetAlignment, "Forget what was measured and judged.")
      .def("alignment_sums", &NativeTrainer::AlignmentSums,
           "Layer by layer: of each channel the sum over samples of the distance, then of its square.")
      .def_property_readonly("align_bytes", &NativeTrainer::AlignBytes, "Memory for statistics.")
      .def("evaluate", &NativeTrainer::Evaluate, py::arg("x"), py::arg("labels"), py::arg("weights") = py::none(),
           "(mean loss, correct samples).")
      .def("predict", &NativeTrainer::Predict, py::arg("x"), "Outputs, float32 [n, outputs].")
      .def("begin_schedule", &NativeTrainer::BeginSchedule, py::arg("samples"), py::arg("threshold"),
           "Remember from now on which samples were easy, by their positions; 0 samples: no more.")
      .def("next_epoch", &NativeTrainer::NextEpoch, py::arg("samples"), "Who takes part in an epoch, bool [samples].")
      .def("flush", &NativeTrainer::Flush, "Apply the gradients of an unfinished group of samples.")
      .def("reset", &NativeTrainer::Reset, "Weights as in the file, state and counters as at the start.")
      .def("parameters", &NativeTrainer::Parameters, "List of (tensor, copy of the values in their type).")
      .def("set_parameter", &NativeTrainer::SetParameter, py::arg("index"), py::arg("values"),
           "Overwrite a parameter by an array of its type.")
      .def("gradients", &NativeTrainer::Gradients, "Accumulated gradients by parameter, None without buffers.")
      .def("counters", &NativeTrainer::Counters, "Work by phase.")
      .def("reset_counters", &NativeTrainer::ResetCounters)
      .def("state", &NativeTrainer::State, "Everything that training changes, as bytes.")
      .def("set_state", &NativeTrainer::SetState, py::arg("state"), "Go back to a state of this plan.")
      .def("options", &NativeTrainer::Options)
      .def("set_options", &NativeTrainer::SetOptions, "Change options by name; all or none.")
      .def_property_readonly("input_elements", &NativeTrainer::InputElements)
      .def_property_readonly("output_elements", &NativeTrainer::OutputElements)
      .def_property_readonly("arena_used", &NativeTrainer::ArenaUsed, "Bytes that the plan takes.")
      .def_property_readonly("arena_bytes", &NativeTrainer::ArenaBytes, "Bytes that were given.")
      .def_property_readonly_static("trainer_bytes", [](const py::object&) { return sizeof(Trainer); });
}

void BindModule(py::module_& module) {
  module.doc() = "The device library of tflm-train, in process.";
  native_error = PyErr_NewExceptionWithDoc(
      (module.attr("__name__").cast<std::string>() + ".NativeError").c_str(),
      "A call of the device library failed: status, text, subject, required_bytes and step tell more.",
      PyExc_RuntimeError, nullptr);
  module.attr("NativeError") = py::reinterpret_borrow<py::object>(native_error);
  BindTrainer(module);
  BindExternalTrainer(module);
  module.def("status_text", [](int status) { return StatusText(static_cast<Status>(status)); }, py::arg("status"));
  module.def("fingerprint", &ModelFingerprint, py::arg("model"), py::arg("parameter_tensors"),
             "Checksum of a model's structure and frozen constants; parameter_tensors uint32 [n].");
  module.def("judge", &Judge, py::arg("loss"), py::arg("outputs"), py::arg("labels"), py::arg("classes"),
             "(Mean loss, correct decisions) of outputs float32 [n, outputs] with labels as those of NativeTrainer.");
  module.def("crc32", &BytesCrc32, py::arg("data"));
  module.attr("trainer_bytes") = sizeof(Trainer);
#ifdef TFLM_TRAIN_PARITY
  module.attr("parity") = true;
#else
  module.attr("parity") = false;
#endif
}

}  // namespace
}  // namespace tflm_train

PYBIND11_MODULE(TFLM_TRAIN_MODULE, module) { tflm_train::BindModule(module); }
