# Builds and runs the C++ tests natively: each folder pio_project/test/test_* is a suite.
#   make -f tools/cpp_tests.mk FLAVOUR=plain|sanitized [CXX=...]

FLAVOUR ?= plain
PIO ?= pio
BUILD := build/cpp/$(FLAVOUR)
TESTS := pio_project/test
LIBRARY := micro_kernels/src

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wdouble-promotion -Werror
FLAGS := -std=c++17 -O1 -g -MMD -MP -DTFLM_TRAIN_COUNTERS=1 -I$(LIBRARY) -I$(TESTS) $(WARNINGS)
ifeq ($(FLAVOUR),sanitized)
FLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
endif

# doctest: Debian's package doctest-dev, or what PlatformIO downloads
DOCTEST := $(firstword $(wildcard /usr/include/doctest/doctest.h /usr/local/include/doctest/doctest.h \
  /opt/homebrew/include/doctest/doctest.h))
ifeq ($(DOCTEST),)
DOCTEST := build/doctest/doctest/doctest/doctest.h
endif
FLAGS += -isystem $(dir $(DOCTEST))

LIBRARY_SOURCES := $(shell find $(LIBRARY) -name '*.cpp' -not -path '*/tflm_train/tflm/*')
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.cpp=$(BUILD)/%.o)
MAIN := $(BUILD)/$(TESTS)/doctest_main.o
SUITES := $(notdir $(patsubst %/,%,$(wildcard $(TESTS)/test_*/)))
TEST_SOURCES := $(wildcard $(TESTS)/test_*/*.cpp)

.PHONY: run
run: $(SUITES:%=run-%)
	@echo "C++ tests ($(FLAVOUR)): $(words $(SUITES)) suites passed"

ifeq ($(SUITES),)
$(error no suite found in $(TESTS): run from the root of the checkout)
endif

# PlatformIO refuses a folder that is not there
build/doctest/doctest/doctest/doctest.h:
	@mkdir -p build/doctest
	$(PIO) pkg install --storage-dir build/doctest --library doctest/doctest@^2.4.9

$(BUILD)/%.o: %.cpp | $(DOCTEST)
	@mkdir -p $(dir $@)
	@echo "$(FLAVOUR) $<"
	@$(CXX) $(FLAGS) -c $< -o $@

$(BUILD)/library.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

define SUITE
$(BUILD)/$(1): $(filter $(BUILD)/$(TESTS)/$(1)/%,$(TEST_SOURCES:%.cpp=$(BUILD)/%.o)) $(MAIN) $(BUILD)/library.a
	@$(CXX) $(FLAGS) $$^ -o $$@
.PHONY: run-$(1)
run-$(1): $(BUILD)/$(1)
	$$< --no-colors=true
endef
$(foreach suite,$(SUITES),$(eval $(call SUITE,$(suite))))

-include $(LIBRARY_OBJECTS:.o=.d) $(TEST_SOURCES:%.cpp=$(BUILD)/%.d) $(MAIN:.o=.d)
