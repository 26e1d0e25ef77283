#!/usr/bin/env bash
# What the kernel may answer when the rules and their messages are read: tests/outer/read-faults.sh
#
# strace (Debian's package of that name) puts errors in the place of the proxy's own system calls. Whatever
# they are, the rules in force stay, the log names the file and the error, and once the calls work again,
# the new rules are in force. RETORT names the binary to test; without it, one is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
. .ci/tools.sh

need_apt strace strace
if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/read_faults.py "$RETORT"
