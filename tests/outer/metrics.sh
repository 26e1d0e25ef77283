#!/usr/bin/env bash
# What Prometheus's own tool says of /metrics: tests/outer/metrics.sh [COMMAND]
#
# COMMAND is the retort to try; one is built if none is given. Metrics are looked at before and after there
# were requests of many kinds, with rules whose ids are hostile, before and after a reload that is refused.
# promtool is fetched if it is missing. Exits with 1 if it has anything to say.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh
need_apt curl curl
need_apt python3 python3

retort=${1:-}
if [ -z "$retort" ]; then
    cargo build --locked --quiet
    retort=${CARGO_TARGET_DIR:-target}/debug/retort
fi

dir=$(mktemp -d)
stop() {
    [ -z "${retort_pid:-}" ] || kill "$retort_pid" || true
    [ -z "${upstream_pid:-}" ] || kill "$upstream_pid" || true
    rm -rf "$dir"
}
trap stop EXIT

# Prometheus itself is not wanted, and would be started by its package.
promtool=$(command -v promtool || true)
if [ -z "$promtool" ]; then
    echo 'fetching promtool'
    (cd "$dir" && apt-get download -q prometheus 2>/dev/null >/dev/null && dpkg -x prometheus_*.deb prometheus)
    promtool=$dir/prometheus/usr/bin/promtool
fi

rules() {
    cat <<RULES
<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="&lt;script&gt; &quot;quoted&quot; back\\slash" code-regex="404"><message>$1</message></status-code>
  <status-code id="other" code-regex="5\\d\\d" overwrite="ALWAYS"><message>$1</message></status-code>
</response-messaging>
RULES
}
rules one >"$dir/rules.xml"

exec {said}< <(exec python3 -u -c '
import http.server
class Answer(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(int(self.path.strip("/").split("?")[0] or 200))
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer)
print(server.server_port)
server.serve_forever()
')
upstream_pid=$!
read -r port <&"$said"

exec {log}< <(
    exec "$retort" serve --rules "$dir/rules.xml" --upstream "http://127.0.0.1:$port" \
        --upstream 'http://127.0.0.1:1#weight=3' --upstream http://nowhere.invalid:80 \
        --listen 127.0.0.1:0 --admin 127.0.0.1:0 --color never 2>&1
)
retort_pid=$!
admin='' proxy=''
while [ -z "$proxy" ] && read -r line <&"$log"; do
    [[ $line =~ page\ address=(127\.0\.0\.1:[0-9]+) ]] && admin=${BASH_REMATCH[1]}
    [[ $line =~ listening.*on=\"(127\.0\.0\.1:[0-9]+) ]] && proxy=${BASH_REMATCH[1]}
done
[ -n "$proxy" ] || { echo 'retort did not start' >&2; exit 1; }
# Somebody has to read what it says.
cat <&"$log" >"$dir/log" &

check() {
    curl -sS --fail "http://$admin/metrics" -o "$dir/metrics"
    "$promtool" check metrics <"$dir/metrics" || { cat "$dir/metrics"; echo "promtool objects: $1" >&2; exit 1; }
    printf 'promtool has nothing to say %s: %d samples\n' "$1" "$(grep -vc '^#' "$dir/metrics")"
}

value() {
    awk -v sample="$1" '!/^#/ { value = $NF; sub(/ [^ ]*$/, ""); if ($0 == sample) print value }' "$dir/metrics"
}

check 'before the first request'
for path in 200 204 301 404 404 500 503 '200?y'; do
    curl -s "http://$proxy/$path" -o /dev/null || true
done
curl -s --max-time 1 "http://$proxy/%00" -o /dev/null -H 'Host:' || true
before=$(grep -vc '^#' "$dir/metrics")
for number in $(seq 200); do
    printf 'url = "http://%s/404?%s"\noutput = "/dev/null"\nheader = "Host: h%s.example"\n' \
        "$proxy" "$number" "$number"
done >"$dir/urls"
curl -s --config "$dir/urls"
check 'after many requests'
after=$(grep -vc '^#' "$dir/metrics")
printf 'series: %d before, %d after requests for 200 hosts\n' "$before" "$after"
[ "$((after - before))" -le 4 ] || { echo 'requests made series' >&2; exit 1; }

echo '<response-messaging>' >"$dir/rules.xml"
status=$(curl -s -X POST "http://$admin/reload" -o "$dir/told" -w '%{http_code}')
[ "$status" = 422 ] || { echo "the reload was answered with $status" >&2; exit 1; }
check 'after a reload that was refused'
[ "$(value retort_config_last_reload_successful)" = 0 ] || { echo 'the refusal does not show' >&2; exit 1; }
rules two >"$dir/rules.xml"
status=$(curl -s -X POST "http://$admin/reload" -o "$dir/told" -w '%{http_code}')
[ "$status" = 200 ] || { echo "the reload was answered with $status" >&2; exit 1; }
check 'after a reload'
[ "$(value retort_config_last_reload_successful)" = 1 ] || { echo 'the reload does not show' >&2; exit 1; }
