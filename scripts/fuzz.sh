#!/usr/bin/env bash
# Runs every fuzzer of a build folder for a while, starting from its corpus in tests/fuzz/<target>.
#   scripts/fuzz.sh build-fuzz [seconds a target, 20]
set -euo pipefail
cd "$(dirname "$0")/.."
build=$1
seconds=${2:-20}
passed=0
for fuzzer in "$build"/tarn_*_fuzz; do
  name=$(basename "$fuzzer")
  work=$build/corpus/$name
  mkdir -p "$work"
  seeds=()
  [ ! -d "tests/fuzz/$name" ] || seeds=("tests/fuzz/$name")
  echo "fuzz: $name for $seconds s"
  "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -artifact_prefix="$build/" -print_final_stats=0 "$work" "${seeds[@]}" \
    > "$build/$name.log" 2>&1 || { tail -n 40 "$build/$name.log"; echo "fuzz: $name failed; its input lies in $build/"; exit 1; }
  passed=$((passed + 1))
done
echo "$passed passed, 0 failed, 0 skipped"
