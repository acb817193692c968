# The short commands; the work is in CMakePresets.json, scripts/ and the program itself.
# SPDX-License-Identifier: Apache-2.0
.DEFAULT_GOAL := help
empty :=
space := $(empty) $(empty)
JOBS ?= $(shell nproc 2> /dev/null || echo 2)
PREFIX ?= /usr/local
DEMO_OUT ?= build/demo
FUZZ_SECONDS ?= 600
# Empty, or ccache where there is one.
CACHE := $(if $(shell command -v ccache),-DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
CLANG_FORMAT ?= $(firstword $(shell command -v clang-format-14) clang-format)
SOURCES = $(shell find include kernels tests examples bench -name '*.hpp' -o -name '*.cpp' -o -name '*.cuh' -o -name '*.cu')

# Quiet unless it fails.
configure = cmake --preset $(1) $(CACHE) $(2) > build/$(1).log 2>&1 || { cat build/$(1).log; exit 1; }

.PHONY: help deps build demo recipe test test-torch bench bench-peers nvcc test-gpu bench-gpu bundle fuzz asan tsan clang format format-check headers install clean

help: ## This list
	@echo "ocelli: train object detectors. What make can do:"
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22

deps: ## Install the Debian packages that are lacking
	@scripts/install-deps build

build: deps ## Build the program, build/release/bin/ocelli
	@mkdir -p build
	@$(call configure,release)
	@cmake --build --preset release --target ocelli_cli -j $(JOBS)

demo: build ## Draw a data set, train a detector on it, show what it finds
	build/release/bin/ocelli demo --out $(DEMO_OUT)
	@echo
	@echo "Look at it: open $(abspath $(DEMO_OUT)) and in it report/index.html"

recipe: deps ## Build the trainer of a recipe: NAME=blood_cells
	@test -n "$(NAME)" || { echo "make recipe NAME=..., of examples/CMakeLists.txt" >&2; exit 2; }
	@mkdir -p build
	@$(call configure,release)
	@cmake --build --preset release --target $(NAME) -j $(JOBS)

test: deps ## Build everything and run all tests
	@scripts/install-deps s3
	@mkdir -p build
	@$(call configure,release,-DOCELLI_NVCC_TESTS=OFF)
	@cmake --build --preset release -j $(JOBS)
	@scripts/run-tests build/release -j $(JOBS)

nvcc: deps ## Compile every kernel, the GPU suite and bench with nvcc, where it is found
	@mkdir -p build
	@$(call configure,release,-DOCELLI_NVCC_TESTS=ON)
	@grep -q '^build nvcc_tests:' build/release/build.ninja || \
	  { echo "SKIPPED: there is no nvcc here; the kernels were tested on the emulator alone"; exit 0; }; \
	  cmake --build --preset release -j $(JOBS) --target nvcc_tests && \
	  scripts/run-tests build/release -j $(JOBS) -L nvcc

test-torch: build ## Compare a training step with PyTorch (installs python3-torch)
	@scripts/install-deps torch
	@tests/torch/run

bench: ## Measure the speed of each operation
	@scripts/install-deps bench
	@mkdir -p build
	@$(call configure,bench)
	@cmake --build --preset bench -j $(JOBS)
	@set -e; for bench in build/bench/bin/*_bench; do echo "== $$bench"; $$bench $(BENCH_OPTIONS); done

bench-peers: ## Measure training beside PyTorch (installs python3-torch)
	@scripts/install-deps bench torch
	@bench/peers/run

test-gpu: ## Run the kernels' tests on this machine's GPU, and its sanitizers
	@scripts/run-gpu-tests

bench-gpu: ## Measure kernels and training on this machine's GPU, beside others
	@scripts/run-gpu-bench $(BENCH_OPTIONS)

bundle: ## Make build/bundle/: all that a GPU machine without network needs
	@scripts/make-bundle

fuzz: ## Throw damaged files at every reader, FUZZ_SECONDS=600 each
	@scripts/install-deps fuzz
	@mkdir -p build
	@$(call configure,fuzz)
	@cmake --build --preset fuzz -j $(JOBS)
	@scripts/run-fuzz $(FUZZ_SECONDS)

# ROOMS="core box" takes these rooms alone.
asan: deps ## The rooms' tests with the address and undefined-behaviour sanitizers
	@mkdir -p build
	@$(call configure,asan)
	@cmake --build --preset asan -j $(JOBS) --target $(or $(ROOMS:%=test_%),room_tests)
	@scripts/run-tests build/asan -j $(JOBS) -L room $(if $(ROOMS),-R '^($(subst $(space),|,$(strip $(ROOMS))))$$')

tsan: deps ## The tests of the rooms that start threads with the thread sanitizer
	@mkdir -p build
	@$(call configure,tsan)
	@cmake --build --preset tsan -j $(JOBS) --target $(or $(ROOMS:%=test_%),threaded_tests)
	@scripts/run-tests build/tsan -j 1 -L threads $(if $(ROOMS),-R '^($(subst $(space),|,$(strip $(ROOMS))))$$')

clang: ## Build the program with clang
	@scripts/install-deps fuzz
	@mkdir -p build
	@$(call configure,$@)
	@cmake --build --preset $@ -j $(JOBS) --target ocelli_cli

headers: deps ## Compile each header alone
	@mkdir -p build
	@$(call configure,dev)
	@cmake --build --preset dev -j $(JOBS) --target all_verify_interface_header_sets

format: ## Format the sources with clang-format 14
	@$(CLANG_FORMAT) -i $(SOURCES)

format-check: ## Fail where a source is not formatted
	@$(CLANG_FORMAT) --dry-run -Werror $(SOURCES)

install: build ## Install headers, CMake package and program into PREFIX
	cmake --install build/release --prefix $(PREFIX)

clean: ## Remove everything that was built
	rm -rf build
