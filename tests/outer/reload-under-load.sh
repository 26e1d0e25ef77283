#!/usr/bin/env bash
# The rules are replaced ten times a second while clients ask without a pause. Each response must
# belong wholly to one version: tests/outer/reload-under-load.sh [SECONDS [REQUESTS-A-SECOND]]
#
# RETORT names the binary to test; without it, one is built. Needs Python 3, nothing else.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/load/reload.py "$RETORT" "${1:-60}" "${2:-2000}"
