#!/usr/bin/env bash
# Fetches the peers and measures against them; figures go to bench/results.md. Options: bench/bench.py --help
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/peers.sh kafka spark flink
exec .deps/venv/bin/python bench/bench.py "$@"
