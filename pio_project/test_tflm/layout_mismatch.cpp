// Compiled with the other TF_LITE_STATIC_MEMORY than TFLM's library: Init must say so, not crash.
#include "binding_fixture.h"

int main() {
  using tflm_train::Status;
  tflm_train::Resolver resolver;
  tflm_train::AddAllCases(&resolver);
  tflm_train::Pair pair("cnn_dense");
  const Status status = pair.InitTflm(resolver);
  const char* subject = pair.tflm.error().Text();
  std::printf("layout mismatch: status %d, %s\n", static_cast<int>(status), subject);
  const bool said = status == Status::kForwardFailed && std::strstr(subject, "TF_LITE_STATIC_MEMORY") != nullptr;
  return said ? 0 : 1;
}
