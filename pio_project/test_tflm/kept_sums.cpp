// Compiled as for a core whose kernels keep sums of weights: an int8 FULLY_CONNECTED must not train, all else does.
#include "binding_fixture.h"

int main() {
  using tflm_train::Status;
  tflm_train::Resolver resolver;
  tflm_train::AddAllCases(&resolver);
  tflm_train::Pair floats("mlp_dense"), body("int8"), integers("int8_dense_int16-master");
  const bool others = floats.InitTflm(resolver) == Status::kOk && body.InitTflm(resolver) == Status::kOk;
  const Status status = integers.InitTflm(resolver);
  const char* subject = integers.tflm.error().Text();
  std::printf("kept sums: status %d, %s\n", static_cast<int>(status), subject);
  const bool said = status == Status::kUnsupportedType && std::strstr(subject, "FULLY_CONNECTED") != nullptr;
  return others && said ? 0 : 1;
}
