#!/usr/bin/env bash
# `retort error-backend` behind a real nginx, configured as ingress-nginx configures its own and as
# people do by hand: bash tests/outer/error-backend-nginx.sh [COMMAND]
#
# COMMAND is the retort to try; one is built if none is given. nginx is installed if it is missing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh
need_apt curl curl
PATH=$PATH:/usr/sbin
need_apt nginx nginx-light

retort=${1:-}
if [ -z "$retort" ]; then
    cargo build --locked --quiet
    retort=${CARGO_TARGET_DIR:-target}/debug/retort
fi

dir=$(mktemp -d)
chmod 755 "$dir"
stop() {
    [ ! -e "$dir/nginx.pid" ] || kill "$(<"$dir/nginx.pid")" || true
    [ -z "${RETORT_PID:-}" ] || kill "$RETORT_PID" || true
    rm -rf "$dir"
}
trap stop EXIT

cat >"$dir/rules.xml" <<'RULES'
<response-messaging xmlns="http://docs.openrepose.org/repose/response-messaging/v1.0">
  <status-code id="errors" code-regex="[45]\d\d" overwrite="IF_EMPTY">
    <message media-type="application/json" content-type="application/problem+json">
      {"status":%s,"instance":"%U","query":"%q","method":"%m","ingress":"%{X-Ingress-Name}i","client":"%a","id":"%g"}</message>
    <message media-type="text/html" content-type="text/html">&lt;h1&gt;%s %U&lt;/h1&gt;</message>
    <message>%s for %m %{Host}i%U</message>
  </status-code>
</response-messaging>
RULES

coproc RETORT {
    exec "$retort" error-backend --rules "$dir/rules.xml" --listen 127.0.0.1:0 --color never 2>&1
}
backend=
while [ -z "$backend" ] && read -r line <&"${RETORT[0]}"; do
    echo "$line"
    [[ $line =~ listening.*on=\"(127\.0\.0\.1:[0-9]+) ]] && backend=${BASH_REMATCH[1]}
done
[ -n "$backend" ] || { echo 'retort did not start' >&2; exit 1; }

# error_location STATUS: what ingress-nginx writes for each intercepted status.
error_location() {
    cat <<NGINX
        location @custom_$1 {
            internal;
            proxy_intercept_errors off;
            proxy_set_header X-Code             $1;
            proxy_set_header X-Format           \$http_accept;
            proxy_set_header X-Original-URI     \$request_uri;
            proxy_set_header X-Namespace        shop;
            proxy_set_header X-Ingress-Name     front;
            proxy_set_header X-Service-Name     orders;
            proxy_set_header X-Service-Port     8080;
            proxy_set_header X-Request-ID       req-7;
            proxy_set_header X-Forwarded-For    203.0.113.9;
            proxy_set_header Host               \$http_host;
            rewrite (.*) / break;
            proxy_pass http://retort;
        }
NGINX
}

cat >"$dir/nginx.conf" <<NGINX
pid $dir/nginx.pid;
error_log $dir/error.log;
events {}
http {
    access_log off;
    client_body_temp_path $dir/body;
    proxy_temp_path $dir/proxy;
    fastcgi_temp_path $dir/fastcgi;
    uwsgi_temp_path $dir/uwsgi;
    scgi_temp_path $dir/scgi;
    upstream retort { server $backend; keepalive 4; }
    proxy_http_version 1.1;
    proxy_set_header Connection "";

    # An upstream whose errors say too little.
    server { listen unix:$dir/upstream; return 404 "nothing here"; }

    # As ingress-nginx.
    server {
        listen unix:$dir/ingress;
        proxy_intercept_errors on;
        error_page 404 = @custom_404;
        error_page 502 = @custom_502;
        location /dead { proxy_pass http://127.0.0.1:1; }
        location / { proxy_pass http://unix:$dir/upstream; }
$(error_location 404)
$(error_location 502)
    }

    # The default backend of ingress-nginx: what no ingress is for.
    server { listen unix:$dir/default; location / { proxy_pass http://retort; } }

    # As a person writes it, HTTP/1.0 and a connection for each request included.
    server {
        listen unix:$dir/plain;
        proxy_http_version 1.0;
        error_page 502 503 504 @retort;
        location / { proxy_pass http://127.0.0.1:1; }
        location @retort {
            proxy_set_header X-Code \$status;
            proxy_set_header X-Original-URI \$request_uri;
            proxy_set_header Host \$host;
            proxy_pass http://$backend;
        }
    }
}
NGINX
nginx -p "$dir" -e "$dir/error.log" -c "$dir/nginx.conf"

# is WHAT STATUS-AND-TYPE CONTENT SERVER CURL…: what a client gets.
failures=0
is() {
    local what=$1 wanted="$3"$'\n'"$2" server=$4 got
    shift 4
    got=$(curl -sS -m 20 --unix-socket "$dir/$server" -w '\n%{http_code} %{content_type}' "$@")
    if [ "$got" = "$wanted" ]; then
        echo "ok: $what"
    else
        printf 'WRONG: %s\n--- wanted\n%s\n--- got\n%s\n' "$what" "$wanted" "$got" >&2
        failures=$((failures + 1))
    fi
}

is 'ingress-nginx, a dead upstream, JSON, a hostile path' '502 application/problem+json' \
    '{"status":502,"instance":"/dead/a\\b","query":"x=\\","method":"GET","ingress":"front","client":"203.0.113.9","id":"req-7"}' \
    ingress -H 'Accept: application/json' 'http://shop.example/dead/a\b?x=\'
is 'ingress-nginx, a dead upstream, HTML' '502 text/html; charset=utf-8' '<h1>502 /dead/a&amp;%3Cb%3E</h1>' \
    ingress --request-target '/dead/a&<b>' -H 'Accept: text/html,*/*;q=0.8' http://shop.example/
is 'ingress-nginx, an upstream that errs' '404 text/plain; charset=utf-8' '404 for GET shop.example/orders' \
    ingress http://shop.example/orders
is 'ingress-nginx, an upload' '404 text/plain; charset=utf-8' '404 for POST shop.example/orders' \
    ingress --data-binary @Cargo.lock -H 'Expect:' http://shop.example/orders
is 'ingress-nginx, HEAD' '502 text/plain; charset=utf-8' '' ingress --head -o /dev/null http://shop.example/dead
is 'ingress-nginx, no ingress' '404 text/plain; charset=utf-8' '404 for GET retort/any' default http://none.example/any
is 'ingress-nginx, health of the default backend' '200 text/plain; charset=utf-8' 'ok' default http://none.example/healthz
is 'nginx, by hand' '502 text/plain; charset=utf-8' '502 for GET shop.example/orders' plain http://shop.example/orders?x
is 'nginx, by hand, an upload' '502 text/plain; charset=utf-8' '502 for PUT shop.example/orders' \
    plain --upload-file .ci/run -H 'Expect:' http://shop.example/orders

if [ "$failures" != 0 ]; then
    cat "$dir/error.log" >&2
    exit 1
fi
