#!/bin/bash
# Runs the fuzz targets: fuzz/run.sh SECONDS [TARGET...], each target for so long. Exits with 1 on a finding; the input that shows it is then
# in $BUILD/findings. What is found on the way goes to $BUILD/corpus, never into the source tree. BUILD: build/fuzz/fuzz by default.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
seconds=${1:?usage: fuzz/run.sh SECONDS [TARGET...]}
shift
BUILD=${BUILD:-$here/../build/fuzz/fuzz}
BUILD=$(cd "$BUILD" && pwd)
targets=("$@")
[ ${#targets[@]} -gt 0 ] || for source in "$here"/*_fuzz.cpp; do targets+=("$(basename "$source" _fuzz.cpp)"); done
limits=(-rss_limit_mb=512 -malloc_limit_mb=256 -timeout=5)
export TZ=${TZ:-UTC0} ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=32} UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}
CACHERATOR_FUZZ_FOLDER=$(mktemp -d -p "$([ -d /dev/shm ] && echo /dev/shm || echo "${TMPDIR:-/tmp}")" cacherator-fuzz-XXXXXX)
export CACHERATOR_FUZZ_FOLDER
trap 'rm -rf "$CACHERATOR_FUZZ_FOLDER"' EXIT
mkdir -p "$BUILD/findings" "$BUILD/logs"

# big NAME BEFORE PIECE AFTER: an input of about 1 MB, the piece repeated between the others.
big() {
  { printf '%b' "$2"; awk -v piece="$3" 'BEGIN { for (size = 0; size < 1000000; size += length(piece)) printf "%s", piece }'; printf '%b' "$4"; } > "$bigs_in/$1"
}
bigs() {
  rm -f "$bigs_in"/*
  case $1 in
    json) big arrays '' '[' ''; big objects '' '{"a":' ''; big digits '' '9' ''; big text '"' 'a' '"'; big escapes '"' '\\u0041' '"'; big flat '[' '1,' '1]' ;;
    value) big arrays '0' '[' ''; big digits '0' '9' ''; big text '0"' 'a' '"'; big flat '0[' '1,' '1]'
      { printf 0; head -c 400000 /dev/zero | tr '\0' '['; head -c 400000 /dev/zero | tr '\0' ']'; } > "$bigs_in/nested" ;;
    document | store)
      big arrays '{"_json_cache_func_cache": {"f": {"utc": 1, "value": ' '[' ''
      big digits '{"_json_cache_func_cache": {"f": {"utc": 1, "value": ' '9' '}}}'
      big entries '{"_json_cache_func_cache": {' '"f":{"utc":1,"value":1},' '"g":1}}'
      big broken_entries '{"_json_cache_func_cache": {\n"f": {"utc": 1, "value": 1},\n' '"x\n' ''
      big frames '{' '"_json_cache_func_cache":x,' ''
      big owner '{"_cacherator": {"format": 1, "data_id": "other", "folded": [' '"x",' '""]},\n"_json_cache_func_cache": {"f": {"utc": 1795419278, "ttl": 99999, "under": 0, "value": 1}}}'
      big dates '{' '"_json_cache_last_save_date":x,' ''
      { printf '{"_cacherator": {"state": {'; seq -f '"%.0f":1,' 50000 | tr -d '\n'; printf '"a":1}},"_json_cache_func_cache": {}, "_json_cache_variable_cache": {'
        seq -f '"%.0f":1,' 50000 | tr -d '\n'; printf '"a":1}}'; } > "$bigs_in/variables"
      { printf '{"_json_cache_func_cache": {\n"'; head -c 400000 /dev/zero | tr '\0' a; printf '": {"utc": 1, "value": 1},\n'; awk 'BEGIN { for (i = 0; i < 100000; ++i) print "\"x" }'; } > "$bigs_in/long_signature" ;;
    journal)
      big arrays '{"put":"f","utc":1,"value":' '[' '}\n'; big digits '{"put":"f","value":1,"utc":' '9' '}\n'; big newlines '' '\n' ''; big members '{' '"put":"f",' '"value":1,"utc":1}\n'
      { seq -f '{"put":"f%.0f(","value":1,"utc":1}' 8000; seq 8000 | awk '{print "{\"clear\":\"g" $1 "\",\"n\":" $1 ",\"utc\":1}"}'; } > "$bigs_in/clears" ;;
    gzip) head -c 300000000 /dev/zero | gzip -1n > "$bigs_in/bomb"; big zeros '' 'a' '' ;;
    stem) big ampersands '' '&' ''; big entities '' '&#x2f;' ';'; big slashes '' '../' '' ;;
    *) big letters '' 'a' ''; big quotes '' "'" '' ;;
  esac
}

failed=0
for target in "${targets[@]}"; do
  bin=$BUILD/${target}_fuzz
  log=$BUILD/logs/$target.log
  new=$BUILD/corpus/$target
  bigs_in=$BUILD/big/$target
  mkdir -p "$new" "$bigs_in"
  bigs "$target"
  found=
  for input in "$bigs_in"/*; do
    "$bin" "${limits[@]}" "$input" > "$log" 2>&1 || { cp "$input" "$BUILD/findings/$target-big-$(basename "$input")"; cp "$log" "$BUILD/logs/$target-big-$(basename "$input").log"; found="$found big:$(basename "$input")"; }
  done
  "$bin" "${limits[@]}" -max_total_time="$seconds" -max_len=65536 -print_final_stats=1 -artifact_prefix="$BUILD/findings/$target-" "$new" "$here/corpus/$target" > "$log" 2>&1 ||
    found="$found $(grep -ao 'PROPERTY VIOLATED.*\|SUMMARY.*' "$log" | head -1 || true)"
  stat=$(grep -a 'stat::number_of_executed_units' "$log" | awk '{print $2}' || true)
  cover=$(grep -a ' cov: ' "$log" | tail -1 || true)
  printf '%-10s %9s executions %5s s  corpus %5s  coverage %6s  %s\n' "$target" "${stat:-?}" "$(grep -ao 'Done .* in [0-9]*' "$log" | awk '{print $NF}' || true)" \
    "$(find "$new" -type f | wc -l)" "$(sed -n 's/.* cov: \([0-9]*\).*/\1/p' <<< "$cover")" "${found:-ok}"
  [ -z "$found" ] || failed=1
done
exit $failed
