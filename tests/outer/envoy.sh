#!/usr/bin/env bash
# Retort behind a real Envoy: the cases and the behaviour of tests/it/envoy, the example that is shipped,
# and load while the processor is killed, comes back, and reloads: tests/outer/envoy.sh [SECONDS]
#
# RETORT names the binary to test, ENVOY that of Envoy; without them, one is built and one is installed.
# Needs Python 3, nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# shellcheck source=../../deploy/envoy/envoy-binary.sh
source deploy/envoy/envoy-binary.sh
ENVOY=$(envoy_binary)
export ENVOY RETORT_ENVOY=$ENVOY
if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
export RETORT

cargo test --locked --test it envoy::
deploy/envoy/run.sh --check
python3 tests/outer/envoy/load.py "$RETORT" "$ENVOY" "${1:-20}"
