#!/usr/bin/env bash
# The page of the admin listener in a real browser: tests/outer/page.sh [COMMAND]
#
# COMMAND (or RETORT) is the retort to try; one is built if none is given. Chromium (CHROMIUM names another one) and node
# are installed if they are missing, playwright-core and axe-core come from npm. Leaves pictures of every
# document in target/page. Takes about a minute and a half.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh
[ -n "${CHROMIUM:-}" ] || need_apt chromium chromium
need_apt node nodejs
need_apt npm npm
export CHROMIUM=${CHROMIUM:-$(command -v chromium)}

retort=${1:-${RETORT:-}}
if [ -z "$retort" ]; then
    cargo build --locked --quiet
    retort=${CARGO_TARGET_DIR:-target}/debug/retort
fi

modules=$PWD/$tools/page/node_modules
if [ ! -d "$modules/axe-core" ] || [ ! -d "$modules/playwright-core" ]; then
    echo "installing playwright-core and axe-core (npm, into $tools/page)"
    npm install --prefix "$tools/page" --no-save --no-audit --no-fund --ignore-scripts --loglevel=error \
        playwright-core@1.65.1 axe-core@4.14.1
fi
TOOLS=$modules exec node tests/outer/page.mjs "$retort"
