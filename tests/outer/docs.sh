#!/usr/bin/env bash
# Runs what docs/ tells people to do, and compares what comes of it:
# bash tests/outer/docs.sh [--update] [PAGE...]
#
# RETORT names the binary to use; without it, one is built. --update writes the output of the blocks that
# are marked `generated` into the pages. docs.py beside this script tells what blocks mean.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh
need_apt curl curl
need_apt openssl openssl
need_apt xmllint libxml2-utils
PATH=$PATH:/usr/sbin
need_apt nginx nginx-light
need_apt ip iproute2

if [ -z "${RETORT:-}" ]; then
    cargo build --locked --quiet
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi
exec python3 tests/outer/docs.py "$RETORT" "$@"
