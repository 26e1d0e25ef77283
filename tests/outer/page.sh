#!/usr/bin/env bash
# The page of the admin listener in a real browser: tests/outer/page.sh [BINARY]
#
# Needs node and Chromium (CHROMIUM names another one); fetches playwright-core and axe-core from npm into
# target/page/tools, once. Leaves pictures of every document in target/page. Takes about a minute.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

binary=${1:-target/debug/retort}
CHROMIUM=${CHROMIUM:-$(command -v chromium chromium-browser google-chrome | head -1 || true)}
export CHROMIUM
[ -n "$CHROMIUM" ] || { echo "no Chromium: apt-get install chromium" >&2; exit 2; }
command -v node npm > /dev/null || { echo "no node: apt-get install nodejs npm" >&2; exit 2; }

tools=target/page/tools
if [ ! -d $tools/node_modules/axe-core ] || [ ! -d $tools/node_modules/playwright-core ]; then
    mkdir -p $tools
    npm install --prefix $tools --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
        playwright-core@1.65.1 axe-core@4.14.1
fi
TOOLS=$PWD/$tools/node_modules exec node tests/outer/page.mjs "$binary"
