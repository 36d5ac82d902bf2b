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

template <KernelId kernel, class Function>
constexpr OperatorOf<kernel> Whole(const KernelArguments& arguments) {
  using Implementation = ElementWiseOperator<Adapter<Function>>;
  return {arguments, Implementation::Check, Implementation::Forward, Implementation::Backward};
}

template <KernelId kernel, class Function>
constexpr OperatorOf<kernel> ForwardOnly(const KernelArguments& arguments) {
  using Implementation = ElementWiseOperator<Adapter<Function>>;
  return {arguments, Implementation::Check, Implementation::Forward, nullptr};
}

}  // namespace

const OperatorOf<KernelId::kExp> kExp = Whole<KernelId::kExp, ExpFunction>(arguments::exp::kArguments);
const OperatorOf<KernelId::kExp> kExpForward = ForwardOnly<KernelId::kExp, ExpFunction>(arguments::exp::kArguments);
const OperatorOf<KernelId::kLog> kLog = Whole<KernelId::kLog, LogFunction>(arguments::log::kArguments);
const OperatorOf<KernelId::kLog> kLogForward = ForwardOnly<KernelId::kLog, LogFunction>(arguments::log::kArguments);
const OperatorOf<KernelId::kElu> kElu = Whole<KernelId::kElu, EluFunction>(arguments::elu::kArguments);
const OperatorOf<KernelId::kElu> kEluForward = ForwardOnly<KernelId::kElu, EluFunction>(arguments::elu::kArguments);
const OperatorOf<KernelId::kNeg> kNeg = Whole<KernelId::kNeg, NegFunction>(arguments::neg::kArguments);
const OperatorOf<KernelId::kNeg> kNegForward = ForwardOnly<KernelId::kNeg, NegFunction>(arguments::neg::kArguments);
const OperatorOf<KernelId::kAbs> kAbs = Whole<KernelId::kAbs, AbsFunction>(arguments::abs::kArguments);
const OperatorOf<KernelId::kAbs> kAbsForward = ForwardOnly<KernelId::kAbs, AbsFunction>(arguments::abs::kArguments);
const OperatorOf<KernelId::kSqrt> kSqrt = Whole<KernelId::kSqrt, SqrtFunction>(arguments::sqrt::kArguments);
const OperatorOf<KernelId::kSqrt> kSqrtForward =
    ForwardOnly<KernelId::kSqrt, SqrtFunction>(arguments::sqrt::kArguments);
const OperatorOf<KernelId::kRsqrt> kRsqrt = Whole<KernelId::kRsqrt, RsqrtFunction>(arguments::rsqrt::kArguments);
const OperatorOf<KernelId::kRsqrt> kRsqrtForward =
    ForwardOnly<KernelId::kRsqrt, RsqrtFunction>(arguments::rsqrt::kArguments);
const OperatorOf<KernelId::kSquare> kSquare = Whole<KernelId::kSquare, SquareFunction>(arguments::square::kArguments);
const OperatorOf<KernelId::kSquare> kSquareForward =
    ForwardOnly<KernelId::kSquare, SquareFunction>(arguments::square::kArguments);

}  // namespace tflm_train
