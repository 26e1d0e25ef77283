#!/usr/bin/env bash
# A thousand clients that are slow on purpose, of five kinds, and one that is not:
#
#     tests/outer/slow-clients.sh [FLAG...]
#
# The flags are those of `retort serve`. Exits with 1 if the p99 of the normal client's requests is 100 ms
# or more, or if file descriptors do not return to what they were; with 2 if it is as much without the
# slow ones. Takes about a minute. RETORT names the binary to test; without it, one is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/slow-clients.py "$RETORT" "$@"
