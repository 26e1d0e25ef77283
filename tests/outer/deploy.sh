#!/usr/bin/env bash
# What is in deploy/: units, manifests, the chart, alerts, the dashboard, each read by the tool that it is
# for, and run as far as that goes without a cluster: bash tests/outer/deploy.sh [COMMAND]
#
# COMMAND is the retort to try; one is built if none is given. Tools are fetched by the names of their
# packages; one that cannot be had is an error. image.sh beside this script is for the Dockerfile.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh
need_apt systemd-analyze systemd
need_apt strace strace
need_deb promtool prometheus
need_pip kubernetes-validate kubernetes-validate 1.37.0
need_pip check-jsonschema check-jsonschema 0.39.0
need_pip yamllint yamllint 1.38.0
need_python helm_python helm-python-sdk 0.2.2

retort=${1:-${RETORT:-}}
if [ -z "$retort" ]; then
    cargo build --locked --quiet
    retort=${CARGO_TARGET_DIR:-target}/debug/retort
fi
PATH=$PWD/$tools/bin:$PATH
export PATH
exec "$tools/bin/python" tests/outer/deploy.py "$retort"
