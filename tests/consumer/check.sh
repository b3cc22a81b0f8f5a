#!/usr/bin/env bash
# Installs the build folder $1 into a new folder, and builds and runs the consumer against it: with find_package, then with pkg-config.
# $2: the C++ compiler.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$1" --prefix "$work/installed" >/dev/null
cmake -S "$here" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/installed" -DCMAKE_CXX_COMPILER="$2" >/dev/null
cmake --build "$work/build" >/dev/null
[ "$("$work/build/consumer" "$work/cache")" = "42 miss" ]
[ "$("$work/build/consumer" "$work/cache")" = "42 l1" ]
echo "find_package: well"
export PKG_CONFIG_PATH="$work/installed/lib/pkgconfig:$work/installed/lib64/pkgconfig:$(dirname "$(find "$work/installed" -name cacherator.pc)")"
# shellcheck disable=SC2046
"$2" -std=c++20 "$here/main.cpp" -o "$work/by-pkg-config" $(pkg-config --cflags --libs cacherator)
[ "$("$work/by-pkg-config" "$work/cache")" = "42 l1" ]
[ "$(pkg-config --modversion cacherator)" = "$3" ]
echo "pkg-config: well"
