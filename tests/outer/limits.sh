#!/usr/bin/env bash
# When slow clients are let go, and what is left of them: tests/outer/limits.sh [COUNT]
#
# COUNT connections (1000) of each kind wait for their end, under limits of a few seconds. Exits with 1 if
# one of them ends more than a second before or after its limit, or if descriptors do not return to what
# they were. Takes about half a minute. RETORT names the binary to test; without it, one is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/limits.py "$RETORT" "${1:-1000}"
