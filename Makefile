# make demo   a model learns shifted digits in the device runtime
# make test   everything: lint, types, Python tests, C++ tests
# Both do all set-up themselves: in .venv, and with the system's packages where they may be installed
# (tools/system_packages.py). Python 3.10 or later and a C++17 compiler are needed.

PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
JOBS ?= $(shell getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2)
METADATA := setup.cfg setup.py pyproject.toml

# those that git tracks; in an unpacked source distribution, those that are there
CPP_FILES = { git ls-files '*.h' '*.cpp' '*.c' 2> /dev/null | grep . || find * -name '.?*' -prune -o -name build -prune \
  -o -type f '(' -name '*.h' -o -name '*.cpp' -o -name '*.c' ')' -print; }

export PIP_DISABLE_PIP_VERSION_CHECK = 1
export NPY_NUM_BUILD_JOBS = $(JOBS)
export PLATFORMIO_SETTING_ENABLE_TELEMETRY = No

.PHONY: demo test system lint types test-python test-cpp test-cpp-sanitized test-tflm pio pio-emulated extension clean help

help:
	@sed -n '1,4s/^# //p' Makefile

$(BIN)/python:
	@$(PYTHON) tools/system_packages.py python
	$(PYTHON) -m venv $(VENV)

# what the demo needs; the compiled modules are built here
$(VENV)/demo.stamp: $(METADATA) | $(BIN)/python
	@echo 'installing the demo and its dependencies into $(VENV): downloads TensorFlow (570 MB), this takes minutes'
	$(BIN)/python -m pip install --quiet -e '.[demo]'
	@touch $@

$(VENV)/dev.stamp: $(METADATA) | $(VENV)/demo.stamp
	@echo 'installing what development needs into $(VENV), this takes minutes'
	$(BIN)/python -m pip install --quiet -e '.[dev]'
	@touch $@

demo: $(VENV)/demo.stamp
	$(BIN)/tflm-train demo

# what the tests need besides, before anything long runs
system:
	@$(PYTHON) tools/system_packages.py python tests

test: system lint types test-cpp test-cpp-sanitized test-python

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(CPP_FILES) | xargs $(abspath $(BIN))/clang-format --dry-run -Werror

# mypy finds packages by folders only: lay out converters/ where it is imported
types: $(VENV)/dev.stamp
	@rm -rf build/types/tflm_train && mkdir -p build/types/tflm_train
	@ln -sfn $(CURDIR)/tflm_train/* $(CURDIR)/converters build/types/tflm_train/
	cd build/types && $(abspath $(BIN))/mypy --config-file ../../setup.cfg -p tflm_train

# recompiles what changed since the editable install
extension: $(VENV)/dev.stamp
	$(BIN)/python setup.py --quiet build_ext --inplace

# each worker loads TensorFlow, so there are few; a file's tests share what they have set up
test-python: extension
	$(BIN)/python -m pytest --numprocesses $(JOBS) --maxprocesses 4 --dist loadfile $(PYTEST_OPTIONS)

test-cpp: $(VENV)/dev.stamp
	$(MAKE) -f tools/cpp_tests.mk -j$(JOBS) FLAVOUR=plain PIO=$(BIN)/pio

test-cpp-sanitized: $(VENV)/dev.stamp
	$(MAKE) -f tools/cpp_tests.mk -j$(JOBS) FLAVOUR=sanitized PIO=$(BIN)/pio

# the binding to TensorFlow Lite Micro: TFLM_DIR=<root of its headers> TFLM_LIB=<its library>
test-tflm: extension
	$(MAKE) -f tools/tflm_tests.mk -j$(JOBS) PYTHON=$(abspath $(BIN))/python

# trains the demo's model in a native PlatformIO program, and runs the C++ tests there
pio: $(VENV)/dev.stamp
	$(BIN)/python pio_project/tools/prepare.py
	$(BIN)/pio run -d pio_project -e native -t exec
	$(BIN)/pio test -d pio_project -e native

# the same on emulated Cortex-M boards: needs arm-none-eabi-g++ and qemu-system-arm
pio-emulated: $(VENV)/dev.stamp
	$(BIN)/python pio_project/tools/prepare.py
	$(BIN)/pio run -d pio_project -e qemu_m0 -t exec
	$(BIN)/pio run -d pio_project -e qemu_f405 -t exec
	$(BIN)/pio test -d pio_project -e qemu_m3 -e qemu_m4 -e qemu_m7 -e qemu_m55 -e qemu_f405

clean:
	rm -rf build dist *.egg-info demo_output .mypy_cache .ruff_cache .pytest_cache
