#!/usr/bin/env bash
# A body of 10 GB passes through, once as it is and once after it was held back for its first byte.
# Memory may not grow by 5 MB: tests/outer/pass-through.sh [GIGABYTES]
#
# RETORT names the binary to test; without it, one is built. Needs Python 3, nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/load/pass_through.py "$RETORT" "${1:-10}"
