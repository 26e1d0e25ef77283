#!/usr/bin/env bash
# Floods and malformed requests over HTTP/2, against a built binary: tests/outer/h2-abuse.sh
#
# Exits with 1 if memory grows by more than 64 MiB, if a malformed request is served or reaches the
# upstream, or if a normal request is not served at once afterwards. Takes half a minute, and
# installs PyPI's h2 into target/outer. RETORT names the binary to test; without it, one is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
venv=target/outer
if ! "$venv/bin/python" -c 'import h2' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check h2==4.4.1
fi
exec "$venv/bin/python" tests/outer/h2-abuse.py "$RETORT"
