# A thin front of the CMake presets. `make demo` and `make test` do everything a fresh machine needs.

JOBS ?= $(shell nproc)
DEMO_DIR ?= build/demo

.PHONY: demo test build setup bench interop soak fmt lint asan tsan fuzz clang clean

demo: build
	@python3 examples/clickstream/demo.py --tarn build/tarn --dir $(DEMO_DIR)

test: build/CMakeCache.txt
	@cmake --build build -j $(JOBS)
	@scripts/test.sh build

# The program alone: build/tarn.
build: build/CMakeCache.txt
	@cmake --build build -j $(JOBS) --target tarn

setup:
	@scripts/setup.sh

build/CMakeCache.txt: setup
	@[ -f $@ ] || cmake --preset release

bench: build
	@scripts/setup.sh
	@bench/run.sh

interop: build
	@tests/interop/run.sh

# The kill tests at full length.
soak: build/CMakeCache.txt
	@cmake --build build -j $(JOBS)
	@TARN_KILLS=1000 TARN_CTEST_ARGS='-L soak' scripts/test.sh build

setup-lint:
	@scripts/setup.sh lint

fmt: setup-lint
	@git ls-files 'src/*.cc' 'src/*.h' 'tests/*.cc' | xargs clang-format-16 -i

# clang-tidy reads how Clang's build compiles each source; of that build it needs the generated headers alone.
lint: setup-lint
	@cmake --preset clang > /dev/null
	@cmake --build build-clang --target src/broker/generated/kafka_messages/all.h
	@scripts/lint.sh build-clang

# A preset's build and tests: debug checks of memory, of threads, of the second compiler.
asan tsan clang: setup-lint
	@cmake --preset $@ > /dev/null
	@cmake --build build-$@ -j $(JOBS)
	@TARN_CTEST_ARGS='-LE python|soak' scripts/test.sh build-$@

fuzz: setup-lint
	@cmake --preset fuzz > /dev/null
	@cmake --build build-fuzz -j $(JOBS)
	@scripts/fuzz.sh build-fuzz

clean:
	@rm -rf build build-*
