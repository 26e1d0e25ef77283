#!/usr/bin/env bash
# Load, reloads and faults on both sides, for long. Memory and descriptors are to stay as they are:
# tests/outer/soak.sh [MINUTES [REQUESTS-A-SECOND]]
#
# RETORT names the binary to test; without it, one is built. Needs Python 3, nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/load/soak.py "$RETORT" "${1:-30}" "${2:-500}"
