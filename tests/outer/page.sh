#!/usr/bin/env bash
# The page of the admin listener in a real browser: tests/outer/page.sh
#
# RETORT names the binary to test; without it, one is built. Installs Chromium (CHROMIUM names another
# one), node and npm if they are missing, and fetches playwright-core and axe-core from npm into
# target/page/tools. Leaves pictures of every document in target/page. Takes about a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh

need_apt node nodejs
need_apt npm npm
CHROMIUM=${CHROMIUM:-$(command -v chromium chromium-browser google-chrome | head -1 || true)}
if [ -z "$CHROMIUM" ]; then
    need_apt chromium chromium
    CHROMIUM=$(command -v chromium)
fi
export CHROMIUM
if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi

tools=target/page/tools
if [ ! -d $tools/node_modules/axe-core ] || [ ! -d $tools/node_modules/playwright-core ]; then
    mkdir -p $tools
    npm install --prefix $tools --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
        playwright-core@1.65.1 axe-core@4.14.1
fi
TOOLS=$PWD/$tools/node_modules exec node tests/outer/page.mjs "$RETORT"
