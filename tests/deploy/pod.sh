#!/usr/bin/env bash
# Runs numctl as the Deployment does, where no container engine is: in a root of its own that is read-only
# and has nothing but the binary, its libraries and certificates; as its user, without capabilities; with its
# arguments, without the Lease, which needs a cluster. The sandbox stands in for the API, and the probes are asked.
# Usage, as root: [NUMCTL=BINARY] tests/deploy/pod.sh
# Without NUMCTL the Dockerfile's build runs first, on what the Dockerfile copies: minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

for tool in unshare setpriv chroot curl; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not here"; exit 0; }
done
[ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null || { echo "SKIPPED: no mounts of our own may be made here"; exit 0; }

work=$(mktemp -d)
sandbox='' pod=''
trap 'kill $pod $sandbox 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

if [ -z "${NUMCTL:-}" ]; then
    mkdir "$work/src"
    # shellcheck disable=SC2046 # words are meant
    cp -r $(sed -n 's/^COPY \([^-].*\) [^ ]*$/\1/p' deploy/Dockerfile) "$work/src"
    build=$(sed -n 's/^RUN \(cargo .*\)$/\1/p' deploy/Dockerfile)
    export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$work/target}
    (cd "$work/src" && echo "$build" && bash -c "$build")
    NUMCTL=$CARGO_TARGET_DIR/dist/numctl
fi

deployment() { sed -n "$1" deploy/kubernetes/deployment.yaml; }
mapfile -t args < <(deployment '/^ *args:/,/^ *envFrom:/s/^ *- //p' | sed 's/\$(SERVICE)/numctl/; s/\$(NAMESPACE)/numctl/')
user=$(deployment 's/^ *runAsUser: //p')
port=$(deployment 's/^ *containerPort: //p')
probes=$(deployment 's/^ *path: //p')

root=$work/root
mkdir -p "$root"/{usr/local/bin,etc/numctl,etc/ssl/certs,var/lib/numctl,proc}
cp "$NUMCTL" "$root/usr/local/bin/numctl"
ldd "$NUMCTL" | grep -o '/[^ ]*' | xargs cp --parents -L -t "$root"
cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
# One number to rename, so that there is something to write down in --journal.
printf 'version: 1\nnumbers: [{phone_number: "+15552230000", friendly_name: Renamed}]\n...\n' >"$root/etc/numctl/fleet.yaml"
chmod -R a+rX "$work"

"$NUMCTL" sandbox >"$work/sandbox" 2>&1 &
sandbox=$!
until grep -qs '^ready' "$work/sandbox"; do
    kill -0 $sandbox || exit 1
    sleep 0.1
done
mapfile -t env < <(grep = "$work/sandbox")

# shellcheck disable=SC2016 # the inner shell expands them
unshare -m bash -ec '
    root=$1 user=$2
    shift 2
    mount --bind "$root" "$root"
    mount -t tmpfs -o "mode=2770,gid=$user" tmpfs "$root/var/lib/numctl"
    mount --bind /proc "$root/proc"
    mount -o remount,bind,ro "$root"
    exec env -i "$@"
' - "$root" "$user" "${env[@]}" NUMCTL_LEASE_IDENTITY=pod "$(command -v setpriv)" --no-new-privs \
    "$(command -v chroot)" --userspec="$user:$user" --groups="$user" "$root" \
    /usr/local/bin/numctl "${args[@]}" >"$work/log" 2>&1 &
pod=$!

fail() { echo "$*"; cat "$work/log"; exit 1; }
for path in $probes; do
    for _ in $(seq 150); do
        status=$(curl --silent --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:$port$path" || true)
        kill -0 $pod 2>/dev/null || fail "numctl is gone"
        [ "$status" = 200 ] && break || sleep 0.2
    done
    [ "$status" = 200 ] || fail "$path: $status"
    echo "$path: $status"
done
for line in "^Uid:\s$user\s" '^CapEff:\s0*$' '^NoNewPrivs:\s1'; do
    grep -P "$line" /proc/$pod/status || fail "not $line"
done
[[ $(awk '$5 == "/" { print $6 }' /proc/$pod/mountinfo) = ro* ]] || fail "the root can be written to"
[ -s /proc/$pod/root/var/lib/numctl/journal.jsonl ] || fail "nothing is written down in --journal"
kill $pod
wait $pod || fail "it ended with $?"
pod=''
echo "numctl runs as the Deployment says"
