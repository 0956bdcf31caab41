#!/usr/bin/env bash
# Foreign clients and definitions against this build. What is not fetched (scripts/peers.sh) skips with its reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
export TARN_BUILD_DIR=${TARN_BUILD_DIR:-$PWD/build} PYTHONDONTWRITEBYTECODE=1
cmake --build "$TARN_BUILD_DIR" -j "$(nproc)" --target tarn_broker_server
exec .deps/venv/bin/python -m pytest -q -rs -p no:cacheprovider tests/interop "$@"
