# Builds and runs the tests of the TFLM binding against a TFLM that you have:
#   make -f tools/tflm_tests.mk TFLM_DIR=<root of headers> TFLM_LIB=<library> [TFLM_FLAGS=-DTF_LITE_STATIC_MEMORY]
# TFLM_DIR holds tensorflow/, and flatbuffers, gemmlowp and ruy in third_party/ or where TFLM's Makefile downloads them.
# TFLM_FLAGS are the definitions that the library was built with. TFLM_RTTI=-frtti if it was built with RTTI.

PYTHON ?= python3
TFLM_FLAGS ?=
TFLM_RTTI ?= -fno-rtti
LIBRARY := micro_kernels/src
TESTS := pio_project/test_tflm
EXAMPLE := micro_kernels/examples/tflm_addon

ifeq ($(and $(TFLM_DIR),$(TFLM_LIB)),)
.PHONY: run
run:
	@echo "TFLM binding: tests skipped, because TFLM_DIR (root of TFLM's headers) and TFLM_LIB (its library) are not both given"
else

BUILD := build/tflm/$(shell echo '$(abspath $(TFLM_LIB)) $(TFLM_FLAGS)' | cksum | cut -d' ' -f1)
THIRD_PARTY := $(foreach root,$(TFLM_DIR)/third_party $(TFLM_DIR)/tensorflow/lite/micro/tools/make/downloads, \
  $(root)/flatbuffers/include $(root)/gemmlowp $(root)/ruy)
WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Wdouble-promotion -Werror
COMMON := -std=c++17 -O1 -g -MMD -MP $(WARNINGS) -I$(LIBRARY) \
  -fsanitize=address,undefined -fno-sanitize=vptr -fno-sanitize-recover=all -fno-omit-frame-pointer
TFLM := $(TFLM_RTTI) $(TFLM_FLAGS) -isystem $(TFLM_DIR) $(patsubst %,-isystem %,$(wildcard $(THIRD_PARTY)))

LIBRARY_SOURCES := $(shell find $(LIBRARY) -name '*.cpp' -not -path '*/tflm_train/tflm/*')
# the same for every TFLM
SHARED := build/tflm/library
LIBRARY_OBJECTS := $(LIBRARY_SOURCES:%.cpp=$(SHARED)/%.o)
APART := layout_mismatch kept_sums
TEST_SOURCES := $(filter-out $(APART:%=$(TESTS)/%.cpp),$(wildcard $(TESTS)/*.cpp))
TEST_OBJECTS := $(TEST_SOURCES:%.cpp=$(BUILD)/%.o)
CASES := $(BUILD)/cases

.PHONY: run
run: $(BUILD)/binding_tests $(APART:%=$(BUILD)/%) $(BUILD)/before $(BUILD)/after
	TFLM_TRAIN_CASES=$(CASES) $(BUILD)/binding_tests --no-colors=true
	TFLM_TRAIN_CASES=$(CASES) $(BUILD)/layout_mismatch
	TFLM_TRAIN_CASES=$(CASES) $(BUILD)/kept_sums
	$(BUILD)/before
	$(BUILD)/after

$(CASES)/mlp_dense.tflite: tests/tflm_cases.py tests/networks.py tests/bodies.py $(wildcard converters/*.py)
	$(PYTHON) tests/tflm_cases.py $(CASES)

$(SHARED)/$(LIBRARY)/%.o: $(LIBRARY)/%.cpp
	@mkdir -p $(dir $@)
	$(CXX) $(COMMON) -c $< -o $@

$(BUILD)/$(TESTS)/%.o: $(TESTS)/%.cpp
	@mkdir -p $(dir $@)
	$(CXX) $(COMMON) $(TFLM) -c $< -o $@

.SECONDEXPANSION:
$(BUILD)/$(EXAMPLE)/%.o: $(EXAMPLE)/$$*/$$*.cpp
	@mkdir -p $(dir $@)
	$(CXX) $(COMMON) $(TFLM) -c $< -o $@

# compiled with the other setting than TFLM's library
OTHER := $(if $(findstring TF_LITE_STATIC_MEMORY,$(TFLM_FLAGS)),-UTF_LITE_STATIC_MEMORY,-DTF_LITE_STATIC_MEMORY)
$(BUILD)/$(TESTS)/layout_mismatch.o: TFLM += $(OTHER)

# compiled as for a core whose kernels keep sums of weights
$(BUILD)/$(TESTS)/kept_sums.o: TFLM += -DTFLM_TRAIN_TFLM_KEEPS_SUMS=1

$(SHARED)/library.a: $(LIBRARY_OBJECTS)
	@rm -f $@
	@ar rcs $@ $^

$(BUILD)/binding_tests: $(TEST_OBJECTS) $(SHARED)/library.a $(TFLM_LIB) | $(CASES)/mlp_dense.tflite
	$(CXX) $(COMMON) $(TFLM_RTTI) $^ -o $@

$(APART:%=$(BUILD)/%): $(BUILD)/%: $(BUILD)/$(TESTS)/%.o $(SHARED)/library.a $(TFLM_LIB)
	$(CXX) $(COMMON) $(TFLM_RTTI) $^ -o $@

$(BUILD)/before $(BUILD)/after: $(BUILD)/%: $(BUILD)/$(EXAMPLE)/%.o $(SHARED)/library.a $(TFLM_LIB)
	$(CXX) $(COMMON) $(TFLM_RTTI) $^ -o $@

-include $(LIBRARY_OBJECTS:.o=.d) $(TEST_OBJECTS:.o=.d) $(APART:%=$(BUILD)/$(TESTS)/%.d) \
  $(BUILD)/$(EXAMPLE)/before.d $(BUILD)/$(EXAMPLE)/after.d
endif
