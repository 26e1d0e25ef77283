#!/usr/bin/env bash
# Two upstreams are killed and started again by turns while clients ask without a pause. Each
# response must be the upstream's or a rule's: tests/outer/upstream-restart.sh [SECONDS]
#
# RETORT names the binary to test; without it, one is built. Needs Python 3, nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/upstream_restart.py "$RETORT" "${1:-30}"
