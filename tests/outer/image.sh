#!/usr/bin/env bash
# The image of the Dockerfile: that its binary is static, that it runs where there is nothing else, and
# what is in it: bash tests/outer/image.sh [STATIC-BINARY]
#
# No image is fetched. The binary comes from the command of the Dockerfile's build stage, run here with
# the profile `dev` (PROFILE says otherwise); buildah builds the rest with it in that stage's place.
# Needs root, for chroot and other users.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
source .ci/tools.sh
need_apt buildah buildah
need_apt curl curl
need_apt ip iproute2
need_apt file file
[ "$(id -u)" = 0 ] || { echo 'NOT RUN: needs root, for chroot and other users' >&2; exit 1; }

dir=$(mktemp -d)
chmod 755 "$dir"
stop() {
    [ -z "${container:-}" ] || buildah_ umount "$container" >/dev/null 2>&1 || true
    rm -rf "$dir"
}
trap stop EXIT
buildah_() { buildah --storage-driver vfs --root "$dir/store" --runroot "$dir/run" "$@"; }

failures=0
# is WHAT WANTED GOT
is() {
    if [[ "$3" == $2 ]]; then
        echo "ok: $1"
    else
        printf 'WRONG: %s\n--- wanted\n%s\n--- got\n%s\n' "$1" "$2" "$3" >&2
        failures=$((failures + 1))
    fi
}

# --- the binary -------------------------------------------------------------------------------

binary=${1:-}
if [ -z "$binary" ]; then
    profile=${PROFILE:-dev}
    command='cargo rustc --locked --profile "$PROFILE" --bin retort -- -C target-feature=+crt-static'
    grep -qF "$command" Dockerfile || { echo "the Dockerfile does not build with: $command" >&2; exit 1; }
    # A folder of its own for what is linked, so that the usual binary stays what it was.
    PROFILE=$profile bash -c "$command --emit=link=$dir/retort"
    binary=$dir/retort
fi
is 'ldd finds nothing to load' '*statically linked*' "$(ldd "$binary" 2>&1 || true)"
is 'the file says the same' '*static-pie linked*' "$(file -b "$binary")"

# An empty folder as the root, no user by that number, no right to write.
root=$dir/root
mkdir -p "$root/etc/retort"
cp "$binary" "$root/retort"
cp -r conf/. "$root/etc/retort"
# Names have to come from somewhere; a scratch image gets these two from who runs it.
printf '127.0.0.1 app.test\n' >"$root/etc/hosts"
printf 'nameserver 127.0.0.1\n' >"$root/etc/resolv.conf"
chmod -R a+rX,a-w "$root"
# Of what every container runtime mounts, what is needed: the system's call for random numbers is not
# looked for in a static binary.
mkdir "$root/dev"
mknod -m 666 "$root/dev/null" c 1 3
mknod -m 666 "$root/dev/random" c 1 8
mknod -m 666 "$root/dev/urandom" c 1 9

# An environment of its own: what begins with RETORT_ in that of whoever runs this would be a setting.
chroot_as() { env -i PATH="$PATH" chroot --userspec 65532:65532 "$root" "$@"; }

is 'it runs in an empty root' 'retort 0.*' "$(chroot_as /retort --version)"
is 'it cannot write there' '*error*' "$(chroot_as /retort import /etc/retort/response-messaging.cfg.xml --output /x 2>&1 || true)"

# A network of its own: names are asked of a server on port 53 there, and of no other.
cat >"$dir/inside.sh" <<INSIDE
set -euo pipefail
ip link set lo up
python3 "$PWD/tests/outer/image_peers.py" &
peers=\$!
timeout 20 bash -c 'until (exec 3<>/dev/tcp/127.0.0.1/9000) 2>/dev/null; do :; done'
chroot --userspec 65532:65532 "$root" /retort serve --color never --listen 127.0.0.1:8080 \\
    --rules /etc/retort/response-messaging.cfg.xml --upstream "\$1" 2>"$dir/log" &
retort=\$!
trap 'kill \$peers \$retort' EXIT
timeout 20 bash -c 'until grep -q listening "\$0"; do kill -0 "\$1" || exit; done' "$dir/log" \$retort || cat "$dir/log"
curl -sS -m 10 -o /dev/null -w '%{http_code} %{content_type} ' -H 'Accept: application/json' http://127.0.0.1:8080/503
curl -sS -m 10 http://127.0.0.1:8080/hello
printf ' '
chroot --userspec 65532:65532 "$root" /retort health
INSIDE
for name in app.test only-in-dns.test; do
    got=$(env -i PATH="$PATH" unshare --net bash "$dir/inside.sh" "http://$name:9000" 2>&1 || true)
    is "it serves as 65532, the upstream's name being $name" '503 application/problem+json hello from the upstream ready' "$got"
done

# --- the image --------------------------------------------------------------------------------

# In place of the build stage: what that leaves in /image.
mkdir -p "$dir/build/image/etc/ssl/certs"
cp "$binary" "$dir/build/image/retort"
cp /etc/ssl/certs/ca-certificates.crt "$dir/build/image/etc/ssl/certs/" 2>/dev/null ||
    echo '# none on this machine' >"$dir/build/image/etc/ssl/certs/ca-certificates.crt"
# Docker's format: OCI's knows no HEALTHCHECK.
build() { buildah_ bud --quiet --format docker --isolation chroot --timestamp 0 --build-context build="$dir/build" -t "$1" .; }
build retort:test >/dev/null
inspect() { buildah_ inspect --type image --format "$1" "$2"; }
is 'the user' '65532:65532' "$(inspect '{{.Docker.Config.User}}' retort:test)"
is 'the ports' '*8080/tcp*9901/tcp*' "$(inspect '{{.Docker.Config.ExposedPorts}}' retort:test)"
is 'the command' '\[/retort\] \[serve\]' "$(inspect '{{.Docker.Config.Entrypoint}} {{.Docker.Config.Cmd}}' retort:test)"
is 'the health check' '*\[CMD /retort health\]*' "$(inspect '{{.Docker.Config.Healthcheck}}' retort:test)"

container=$(buildah_ from retort:test)
mounted=$(buildah_ mount "$container")
is 'nothing but this is at the top' 'LICENSE etc retort' "$(cd "$mounted" && echo *)"
is 'nothing but this is in etc' 'etc/retort etc/ssl' "$(cd "$mounted" && echo etc/*)"
is 'the rules that the image names are good' '*' "$(buildah_ run --isolation chroot "$container" -- /retort check /etc/retort/response-messaging.cfg.xml)"
is 'root owns all of it, and nobody else may write' '' "$(find "$mounted" \( ! -uid 0 -o -perm /022 \) ! -type l)"
# Docker's format notes in which container it was made, so that digests differ; what is in it must not.
build retort:again >/dev/null
layers='{{.OCIv1.RootFS.DiffIDs}}'
is 'built again, it has the same in it' "\\$(inspect "$layers" retort:test)" "$(inspect "$layers" retort:again)"

printf '%s: %s MiB of binary (profile %s), %s KiB of everything else\n' image \
    "$(($(stat -c %s "$binary") >> 20))" "${profile:-of your choice}" \
    "$(du -sk --exclude=retort "$mounted" | cut -f1)"
echo 'NOT RUN: the build stage in its own image; no registry of images is at hand here'
[ "$failures" = 0 ]
