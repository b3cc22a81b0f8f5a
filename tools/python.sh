#!/usr/bin/env bash
# The Python package: built into build/python/<version>, tested, shown.
# Usage: tools/python.sh build|test|other|asan|install|without|demo|demo-l2|bench|soak PYTHON;  tools/python.sh test-every
set -euo pipefail
cd "$(dirname "$0")/.."

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])'; }

# Builds the extension for an interpreter that has nanobind, and prints nothing where all is up to date.
# build PYTHON [FOLDER CMAKE-OPTION...]: optimised, into build/python/<version>, unless told otherwise.
build() {
  local python="$1" version dir options
  version=$(version_of "$python")
  dir="${2:-build/python/$version}"
  options=("${@:3}")
  ((${#options[@]})) || options=(-DCMAKE_BUILD_TYPE=Release -DCMAKE_INTERPROCEDURAL_OPTIMIZATION=ON)
  if [ ! -e "$dir/build.ninja" ]; then
    mkdir -p "$(dirname "$dir")"
    cmake -S . -B "$dir" -G Ninja -DCACHERATOR_PYTHON=ON -DCACHERATOR_TESTS=OFF -DCACHERATOR_INSTALL=OFF -DCACHERATOR_WERROR=ON \
      -DPython_EXECUTABLE="$("$python" -c 'import sys; print(sys.executable)')" "${options[@]}" \
      >"$dir.log" 2>&1 || { cat "$dir.log"; exit 1; }
  fi
  cmake --build "$dir" --parallel 2 | { grep -E "error|warning|FAILED" || true; }
  rm -rf "$dir/lib/cacherator"
  mkdir -p "$dir/lib"
  cp -r python/cacherator "$dir/lib/cacherator"
  cp "$dir"/python/_native*.so "$dir/lib/cacherator/"
  "$python" -m compileall -q "$dir/lib"
}

path_of() { echo "$PWD/build/python/$(version_of "$1")/lib"; }

test_with() {
  build "$1"
  PYTHONPATH="$(path_of "$1")" CACHERATOR_INCUMBENT="$PWD/build/incumbent" CACHERATOR_INCUMBENT_TESTS="$PWD/build/incumbent-tests/tests" \
    CACHERATOR_INCUMBENT_PYTHON="$PWD/.venv/bin/python" CACHERATOR_EXAMPLES="$PWD/build/release/examples" \
    CACHERATOR_LIBRARY="$PWD/build/release" CACHERATOR_SERVERS="$PWD/build/servers" "$1" -m pytest -q python/tests "${@:2}"
}

# The extension under the address and undefined behaviour sanitizers, which have to be loaded before the interpreter. CPython's objects are
# made by malloc, so that their ends are seen. Left out: tests of other programs (compilers, type checkers, servers), and those that measure memory.
# Leaks are measured by test_leaks.py: CPython itself frees little at its end. Forks from busy threads are left out as in the C++ tests:
# another thread may hold the sanitizer's allocator at the fork.
asan() {
  local dir
  dir="build/python-asan/$(version_of "$1")"
  build "$1" "$dir" -DCMAKE_BUILD_TYPE=Debug "-DCMAKE_CXX_FLAGS_DEBUG=-O1 -g1" -DCACHERATOR_SANITIZE=address,undefined \
    -DCACHERATOR_WERROR=OFF  # g++ 12 sees values that are not set, in nanobind, where sanitizers are on
  local out=() without
  for without in typing docs examples leaks crash 'dynamodb*'; do out+=("--ignore-glob=*_$without.py"); done
  out+=(--deselect python/tests/test_interruptions.py::test_forks_from_a_process_of_busy_threads_work_on)
  LD_PRELOAD="$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so)" \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1 PYTHONMALLOC=malloc PYTHONPATH="$PWD/$dir/lib" \
    "$1" -m pytest -q python/tests "${out[@]}" "${@:2}"
}

# What a stranger does: pip install into a new environment, then the README's quick start, twice, in a folder of its own.
install() (
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  "$1" -m venv "$work/venv"
  before=$("$work/venv/bin/pip" list --disable-pip-version-check --format=freeze)
  "$work/venv/bin/pip" install -q --disable-pip-version-check .
  added=$(comm -13 <(sort <<<"$before") <("$work/venv/bin/pip" list --disable-pip-version-check --format=freeze | sort))
  version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
  [ "$added" = "cacherator==$version" ] || { echo "installed: $added, where cacherator==$version alone was to be" >&2; exit 1; }
  awk '/^## Quick start/ {here = 1} here && /^```$/ {exit} inside {print} here && /^```python/ {inside = 1}' README.md >"$work/quick_start.py"
  cd "$work"
  for expected in $'1024 miss\n1024 l1' $'1024 l1\n1024 l1'; do
    printed=$(env -u PYTHONPATH venv/bin/python quick_start.py)
    [ "$printed" = "$expected" ] || { printf 'the quick start printed\n%s\nin place of\n%s\n' "$printed" "$expected" >&2; exit 1; }
  done
  echo "pip install: well"
)

# A build without DynamoDB, where neither libcurl nor OpenSSL is to be had: local caches work, and a table's name is an error that says what to do.
without() {
  local dir
  dir="build/python-without/$(version_of "$1")"
  build "$1" "$dir" -DCMAKE_BUILD_TYPE=Debug -DCACHERATOR_DYNAMODB=OFF -DCMAKE_DISABLE_FIND_PACKAGE_CURL=ON -DCMAKE_DISABLE_FIND_PACKAGE_OpenSSL=ON
  ! ldd "$dir"/lib/cacherator/_native*.so | grep -E "curl|crypto" || { echo "the build without DynamoDB needs it" >&2; exit 1; }
  PYTHONPATH="$PWD/$dir/lib" "$1" -m pytest -q python/tests/test_calls.py python/tests/test_values.py
  PYTHONPATH="$PWD/$dir/lib" "$1" -c '
from cacherator import JSONCache
try:
    JSONCache(dynamodb_table="pages")
except ValueError as error:
    assert "pages" in str(error) and "-DCACHERATOR_DYNAMODB=ON" in str(error), error
else:
    raise AssertionError("a table was accepted")'
  echo "without DynamoDB: well"
}

# Another interpreter's tests: what DynamoDB does when it fails, and what other programs do to a table, is the engine's and the same for all.
other() {
  local engine=() part log passed
  for part in credentials faults incumbent processes servers table tls docs; do engine+=("--ignore=python/tests/test_dynamodb_$part.py"); done
  log="build/python/$(version_of "$1").tests.log"
  CACHERATOR_TEST_SERVERS=dynalite test_with "$1" "${engine[@]}" >"$log" 2>&1 && passed=0 || passed=$?
  echo "== $("$1" -V)"
  cat "$log"
  return "$passed"
}

# Two at a time: tests wait more than they work.
every() {
  local minor python others=()
  for minor in 9 10 11 12 13; do
    python=$(command -v "python3.$minor" || true)
    for candidate in "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3."$minor".*/bin/python; do
      [ -x "$candidate" ] && python="$candidate"
    done
    if [ -z "$python" ] || ! "$python" -c 'import venv' 2>/dev/null; then
      echo "python 3.$minor is not on this machine"
      continue
    fi
    if [ "3.$minor" = "$(version_of .venv/bin/python)" ]; then
      echo "python 3.$minor is what make test runs"
      continue
    fi
    if [ ! -e "build/venvs/3.$minor/.ready" ]; then
      "$python" -m venv --clear "build/venvs/3.$minor"
      "build/venvs/3.$minor/bin/python" -m pip install -q --disable-pip-version-check "nanobind>=2.9,<3" pytest pytest-asyncio pydantic uvloop
      touch "build/venvs/3.$minor/.ready"
    fi
    others+=("build/venvs/3.$minor/bin/python")
  done
  printf '%s\n' "${others[@]}" | xargs -r -P 2 -n 1 tools/python.sh other
}

mkdir -p build/python build/venvs
case "${1:-}" in
  build) build "$2" ;;
  test) test_with "$2" ;;
  asan) asan "${@:2}" ;;
  install) install "$2" ;;
  without) without "$2" ;;
  other) other "$2" ;;
  test-every) every ;;
  soak)
    build "$2"
    PYTHONPATH="$(path_of "$2")" "$2" tests/crash/crash.py --python --writer build/release/tests/crash/crash_writer --kills 4000
    PYTHONPATH="$(path_of "$2")" "$2" tests/dynamodb/kills.py --seconds 300 ;;
  demo-l2) build "$2"; PYTHONPATH="$(path_of "$2")" "$2" demo/demo_l2.py build/release/examples ;;
  demo) build "$2"; PYTHONPATH="$(path_of "$2")" "$2" demo/demo.py build/release/examples ;;
  bench)
    build "$2"
    for bench in bench/bench_*.py; do
      PYTHONPATH="$(path_of "$2")" CACHERATOR_INCUMBENT="$PWD/build/incumbent" "$2" "$bench"
    done
    for bench in build/bench/bench/*_bench; do "$bench"; done ;;
  *) echo "usage: tools/python.sh build|test|other|asan|install|without|demo|demo-l2|bench|soak PYTHON; tools/python.sh test-every" >&2; exit 2 ;;
esac
