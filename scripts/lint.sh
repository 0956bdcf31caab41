#!/usr/bin/env bash
# What a compiler does not check: layout, seams, tests that no target builds, clang-tidy's short list.
#   scripts/lint.sh build-clang [--fast]      --fast leaves out clang-tidy
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
failed=0
complain() { printf 'lint: %s\n%s\n' "$1" "$2"; failed=1; }

sources=$(git ls-files 'src/*.cc' 'src/*.h' 'tests/*.cc')
unformatted=$(echo "$sources" | xargs clang-format-16 --dry-run 2>&1 | sed -n 's/^\([^ :]*\):[0-9].*/\1/p' | sort -u)
[ -z "$unformatted" ] || complain 'not formatted (make fmt):' "$unformatted"

# Time, randomness and the disk are reached through base's seams only, so that simulation stays possible.
seams=$(grep -nE 'system_clock::now|steady_clock::now|std::random_device|\bsrand\(|[^_a-z]rand\(\)|gettimeofday|clock_gettime' \
  $(git ls-files 'src/*.cc' 'src/*.h' | grep -vE '^src/base/(clock|random)\.cc$|_bench\.cc$|/testing/') /dev/null)
[ -z "$seams" ] || complain 'time or randomness not through base/clock.h or base/random.h:' "$seams"

# A header is self-contained and guarded.
unguarded=$(git ls-files 'src/*.h' | xargs grep -L '^#pragma once')
[ -z "$unguarded" ] || complain 'no #pragma once:' "$unguarded"

# Every test, bench and fuzz source is named by a build file.
for source in $(git ls-files 'src/*_test.cc' 'src/*_fuzz.cc' 'src/*_bench.cc'); do
  grep -q "$(basename "$source")" "$(dirname "$source")/CMakeLists.txt" "$(dirname "$(dirname "$source")")/CMakeLists.txt" 2> /dev/null ||
    complain 'built by no target:' "$source"
done

if [ "${2:-}" != --fast ]; then
  tidy=$(git ls-files 'src/*.cc' | grep -vE '_(test|fuzz|bench)\.cc$' |
    xargs -P "$(nproc)" -n 4 clang-tidy-16 -p "$build" --quiet --extra-arg=-Wno-everything 2> /dev/null | grep -E 'warning:|error:' | sort -u)
  [ -z "$tidy" ] || complain 'clang-tidy:' "$tidy"
fi

echo 'The ten largest sources, for information:'
echo "$sources" | xargs wc -l | sort -rn | sed -n '2,11p'
exit $failed
