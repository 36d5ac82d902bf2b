// Operators whose kernels are a value and a slope.
#include "tflm_train/kernels/unary.h"

#include "tflm_train/operators/arguments.h"
#include "tflm_train/operators/element_wise.h"
#include "tflm_train/operators/operators.h"

namespace tflm_train {
namespace {

template <class Function>
struct Adapter {
  static constexpr uint32_t kWords = 0;
  static void Forward(const StepView&, const float* x, uint32_t n, float* y) { UnaryForward<Function>(x, n, y); }
  static void Backward(const StepView&, const float* saved, const float* dy, uint32_t n, bool accumulate, float* dx) {
    UnaryBackward<Function>(saved, dy, n, accumulate, dx);
  }
};

template <class Function>
constexpr Operator Whole(KernelId kernel, const KernelArguments& arguments) {
  using Implementation = ElementWiseOperator<Adapter<Function>>;
  return {kernel, arguments, Implementation::Check, Implementation::Forward, Implementation::Backward};
}

template <class Function>
constexpr Operator ForwardOnly(KernelId kernel, const KernelArguments& arguments) {
  using Implementation = ElementWiseOperator<Adapter<Function>>;
  return {kernel, arguments, Implementation::Check, Implementation::Forward, nullptr};
}

}  // namespace

const Operator kExp = Whole<ExpFunction>(KernelId::kExp, arguments::exp::kArguments);
const Operator kExpForward = ForwardOnly<ExpFunction>(KernelId::kExp, arguments::exp::kArguments);
const Operator kLog = Whole<LogFunction>(KernelId::kLog, arguments::log::kArguments);
const Operator kLogForward = ForwardOnly<LogFunction>(KernelId::kLog, arguments::log::kArguments);
const Operator kElu = Whole<EluFunction>(KernelId::kElu, arguments::elu::kArguments);
const Operator kEluForward = ForwardOnly<EluFunction>(KernelId::kElu, arguments::elu::kArguments);
const Operator kNeg = Whole<NegFunction>(KernelId::kNeg, arguments::neg::kArguments);
const Operator kNegForward = ForwardOnly<NegFunction>(KernelId::kNeg, arguments::neg::kArguments);
const Operator kAbs = Whole<AbsFunction>(KernelId::kAbs, arguments::abs::kArguments);
const Operator kAbsForward = ForwardOnly<AbsFunction>(KernelId::kAbs, arguments::abs::kArguments);
const Operator kSqrt = Whole<SqrtFunction>(KernelId::kSqrt, arguments::sqrt::kArguments);
const Operator kSqrtForward = ForwardOnly<SqrtFunction>(KernelId::kSqrt, arguments::sqrt::kArguments);
const Operator kRsqrt = Whole<RsqrtFunction>(KernelId::kRsqrt, arguments::rsqrt::kArguments);
const Operator kRsqrtForward = ForwardOnly<RsqrtFunction>(KernelId::kRsqrt, arguments::rsqrt::kArguments);
const Operator kSquare = Whole<SquareFunction>(KernelId::kSquare, arguments::square::kArguments);
const Operator kSquareForward = ForwardOnly<SquareFunction>(KernelId::kSquare, arguments::square::kArguments);

}  // namespace tflm_train
