#!/usr/bin/env bash
# Floods and malformed requests over HTTP/2, against a built binary: tests/outer/h2-abuse.sh [BINARY]
#
# Exits with 1 if memory grows by more than 64 MiB, if a malformed request is served or reaches the
# upstream, or if a normal request is not served at once afterwards. Takes half a minute, and
# installs PyPI's h2 into target/outer.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

binary=${1:-target/debug/retort}
venv=target/outer
if ! "$venv/bin/python" -c 'import h2' 2>/dev/null; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check h2==4.4.1
fi
exec "$venv/bin/python" tests/outer/h2-abuse.py "$binary"
