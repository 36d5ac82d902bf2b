// Files directly under test/ are built into every suite.
#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest.h>

#include <cstdio>

namespace {

/// Prints one line per test case: what `pio test` shows (test_custom_runner.py reads it). doctest's own report tells
/// failed assertions.
struct CaseLines : doctest::IReporter {
  explicit CaseLines(const doctest::ContextOptions&) {}

  void test_case_start(const doctest::TestCaseData& data) override { current_ = &data; }
  void test_case_end(const doctest::CurrentTestCaseStats& stats) override {
    std::printf("[case] %s %s\n", stats.failure_flags == 0 ? "passed" : "failed", current_->m_name);
    std::fflush(stdout);
  }

  void report_query(const doctest::QueryData&) override {}
  void test_run_start() override {}
  void test_run_end(const doctest::TestRunStats&) override {}
  void test_case_reenter(const doctest::TestCaseData&) override {}
  void test_case_exception(const doctest::TestCaseException&) override {}
  void subcase_start(const doctest::SubcaseSignature&) override {}
  void subcase_end() override {}
  void log_assert(const doctest::AssertData&) override {}
  void log_message(const doctest::MessageData&) override {}
  void test_case_skipped(const doctest::TestCaseData&) override {}

 private:
  const doctest::TestCaseData* current_ = nullptr;
};

DOCTEST_REGISTER_LISTENER("case-lines", 1, CaseLines);

}  // namespace

int main(int argc, char** argv) {
  doctest::Context context;
#ifdef TFLM_TRAIN_QEMU
  static_cast<void>(argc);  // a board has no command line
  static_cast<void>(argv);
#else
  context.applyCommandLine(argc, argv);
#endif
  context.setOption("no-colors", true);
  [[maybe_unused]] const int failed = context.run();
  std::fflush(stdout);
#ifdef PLATFORMIO
  return 0;  // PlatformIO would take another number for a signal; it reads the verdict in the output
#else
  return failed;
#endif
}
