#!/usr/bin/env bash
# Installs what the project needs: Debian packages by name, Python packages into .venv. Does nothing where all is there.
# Usage: tools/setup.sh [base|all|bench|lint]...
set -euo pipefail
cd "$(dirname "$0")/.."

base=(build-essential cmake ninja-build ccache pkg-config python3 python3-dev python3-venv libsimdjson-dev nlohmann-json3-dev
      zlib1g-dev libssl-dev openssl libboost1.81-dev libasio-dev libgtest-dev libsqlite3-dev libcurl4-openssl-dev)
all=(clang-16 libclang-rt-16-dev)
bench=(libbenchmark-dev librocksdb-dev)
lint=(clang-format-16 clang-tidy-16)

wanted=("${base[@]}")
for group in "$@"; do
  case "$group" in
    base) ;;
    all) wanted+=("${all[@]}") ;;
    bench) wanted+=("${bench[@]}") ;;
    lint) wanted+=("${lint[@]}") ;;
    *) echo "setup: unknown group '$group'; there are: base all bench lint" >&2; exit 2 ;;
  esac
done

command -v node >/dev/null || command -v nodejs >/dev/null || wanted+=(nodejs)
command -v npm >/dev/null || wanted+=(npm)

missing=()
for package in "${wanted[@]}"; do
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "install ok installed" || missing+=("$package")
done
if ((${#missing[@]})); then
  echo "setup: installing ${missing[*]}"
  if [ "$(id -u)" = 0 ]; then as_root=(); elif command -v sudo >/dev/null; then as_root=(sudo); else
    echo "setup: these Debian packages are missing, and there is neither root nor sudo here. Ask an administrator for:" >&2
    echo "  apt-get install ${missing[*]}" >&2
    exit 1
  fi
  "${as_root[@]}" apt-get update -qq
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

python="${PYTHON:-python3}"

# Makes a virtual environment anew where the list of what is in it, or the interpreter, has changed.
environment() {
  local folder="$1" list="$2" stamp
  stamp="$folder/.ready-$( (cat "$list"; "$python" -V) | sha256sum | cut -c1-12)"
  if [ ! -e "$stamp" ]; then
    echo "setup: making $folder with $("$python" -V)"
    "$python" -m venv --clear "$folder"
    "$folder/bin/python" -m pip install -q --disable-pip-version-check -r "$list"
    touch "$stamp"
  fi
}
environment .venv tools/requirements.txt
incumbent=build/incumbent
if [ ! -e "$incumbent/.ready" ]; then
  echo "setup: installing cacherator 1.2.9, the incumbent, beside the project (for tests and benchmarks)"
  .venv/bin/python -m pip install -q --disable-pip-version-check --no-warn-conflicts --target "$incumbent" cacherator==1.2.9
  touch "$incumbent/.ready"
fi

dynalite=4.0.0
servers=build/servers
if [ ! -e "$servers/.dynalite-$dynalite" ]; then
  echo "setup: installing dynalite $dynalite, which speaks DynamoDB's protocol (for tests, demo and benchmarks)"
  npm install --prefix "$servers" --no-audit --no-fund --loglevel=error "dynalite@$dynalite" >/dev/null
  touch "$servers/.dynalite-$dynalite"
fi
environment "$servers/venv" tools/servers.txt

its_tests=build/incumbent-tests
if [ ! -e "$its_tests/.ready" ]; then
  rm -rf "$its_tests"
  mkdir -p "$its_tests"
  .venv/bin/python -m pip download -q --disable-pip-version-check --no-deps --no-binary cacherator -d "$its_tests" cacherator==1.2.9
  tar -xzf "$its_tests"/cacherator-1.2.9.tar.gz -C "$its_tests" --strip-components=1 cacherator-1.2.9/tests
  touch "$its_tests/.ready"
fi
