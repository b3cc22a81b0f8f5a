# The front door. `make help` lists what there is.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
PRESETS := release debug asan tsan clang

.PHONY: help setup demo demo-l2 test test-all soak fuzz bench lint clean cpp-% python-test

help:  ## this list
	@awk -F':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup:  ## install what is needed (Debian packages by name, Python packages into .venv)
	@tools/setup.sh base

cpp-%:
	@cmake --preset $* > build-$*.log 2>&1 || { cat build-$*.log; rm -f build-$*.log; exit 1; }
	@rm -f build-$*.log
	@cmake --build --preset $* --parallel 2

test: setup cpp-release  ## all tests: C++ (release) and Python (the default CPython)
	ctest --preset release
	tools/python.sh test .venv/bin/python

test-all: setup cpp-release  ## what `make test` leaves out: sanitizers, clang, every CPython from 3.9 to 3.13 that is here, pip install, a build without DynamoDB, fuzzers for a minute each
	@tools/setup.sh all
	@$(MAKE) cpp-asan && ctest --preset asan
	@$(MAKE) cpp-tsan && ctest --preset tsan
	@$(MAKE) cpp-clang && ctest --preset clang
	tools/python.sh test-every
	tools/python.sh install .venv/bin/python
	tools/python.sh without .venv/bin/python
	@$(MAKE) cpp-fuzz && printf '%s\n' fuzz/*_fuzz.cpp | sed 's/.*\///; s/_fuzz.cpp//' | xargs -P 2 -n 1 fuzz/run.sh 60

demo: setup cpp-release  ## the main job, shown in both languages
	@tools/python.sh demo .venv/bin/python

demo-l2: setup cpp-release  ## machines that share a cache over DynamoDB (a server of its own, on loopback)
	@tools/python.sh demo-l2 .venv/bin/python

soak: setup cpp-release  ## kills writing processes of both languages, and of machines that share a table, for some minutes, and looks for what is lost
	tools/python.sh soak .venv/bin/python

fuzz: setup  ## fuzz targets, ten minutes each
	@tools/setup.sh all
	@$(MAKE) cpp-fuzz && fuzz/run.sh 600

bench: setup  ## figures beside the peers, in one run
	@tools/setup.sh bench
	@$(MAKE) cpp-bench
	@tools/python.sh bench .venv/bin/python

lint: setup  ## formatting, clang-tidy, ruff, mypy
	@tools/setup.sh lint
	git ls-files '*.cpp' '*.hpp' | xargs clang-format-16 --dry-run -Werror
	@$(MAKE) cpp-clang
	git ls-files 'src/*.cpp' | xargs -P 2 -n 4 clang-tidy-16 -p build/clang --quiet
	.venv/bin/ruff check python examples tools bench demo tests
	.venv/bin/mypy --strict python/cacherator

clean:  ## remove what was built
	rm -rf build dist
