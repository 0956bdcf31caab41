#!/usr/bin/env bash
# Foreign clients, engines and definitions against this build; ends with a table of client and feature. Peers are fetched by
# scripts/peers.sh when absent; what cannot be had here skips with its reason.
set -euo pipefail
cd "$(dirname "$0")/../.."
export TARN_BUILD_DIR=${TARN_BUILD_DIR:-$PWD/build} PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=tests/interop
for peer in kafka spark; do
  scripts/peers.sh "$peer" || echo "interop: no $peer here; its tests skip"
done
cmake --build "$TARN_BUILD_DIR" -j "$(nproc)" --target tarn tarn_broker_server
[ $# -gt 0 ] || set -- tests/interop tests/integration/kafka_clients_test.py
exec .deps/venv/bin/python -m pytest -q -rs -p no:cacheprovider -p matrix "$@"
