#!/usr/bin/env bash
# The disk of the access log fills up, and is emptied again: tests/outer/access-log-disk.sh
#
# RETORT names the binary to test; without it, one is built. Needs Python 3 and a mount namespace of
# its own (unshare), with a small file system in memory.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
if ! unshare -rm true 2>/dev/null; then
    echo "skipped: user namespaces are not permitted here"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -r "$folder"' EXIT
# shellcheck disable=SC2016
unshare -rm sh -c 'mount -t tmpfs -o size=64k tmpfs "$1" && exec python3 tests/outer/access_log_disk.py "$2" "$1"' \
    sh "$folder" "$RETORT"
