#!/usr/bin/env bash
# Runs the tests of a build folder and ends with "N passed, N failed, N skipped". Further arguments go to ctest.
#   scripts/test.sh build -R broker
set -uo pipefail
cd "$(dirname "$0")/.."
build=$1
shift
report=$build/test-report.xml
# Read by the programs of the presets asan and tsan only.
export TSAN_OPTIONS="suppressions=$PWD/scripts/tsan.supp:halt_on_error=1:second_deadlock_stack=1:${TSAN_OPTIONS:-}"
export UBSAN_OPTIONS="print_stacktrace=1:${UBSAN_OPTIONS:-}"
ctest --test-dir "$build" --parallel "$(nproc)" --output-on-failure --no-tests=error --output-junit "$PWD/$report" \
  ${TARN_CTEST_ARGS:--LE soak} "$@"
status=$?
python3 - "$report" "$status" <<'PY'
import sys
import xml.etree.ElementTree as ET

suite = ET.parse(sys.argv[1]).getroot()
passed, failed, skipped = 0, [], []
for case in suite.iter("testcase"):
    state = case.get("status")
    if state == "run" and case.find("failure") is None:
        passed += 1
    elif case.find("skipped") is not None or state in ("notrun", "disabled"):
        reason = case.find("skipped")
        skipped.append((case.get("name"), (reason.get("message") if reason is not None else "") or ""))
    else:
        failed.append(case.get("name"))
for name, reason in skipped:
    print(f"skipped: {name} {reason}".rstrip())
for name in failed:
    print(f"failed: {name}")
print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
sys.exit(1 if failed or passed == 0 or sys.argv[2] != "0" else 0)
PY
