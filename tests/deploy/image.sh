#!/usr/bin/env bash
# Builds the image and runs it as the Deployment does: its user, a read-only root, no capabilities, no new
# privileges, its arguments but for the Lease, which needs a cluster. The sandbox stands in for the API.
# Usage, as root: NUMCTL=BINARY tests/deploy/image.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
: "${NUMCTL:?names the binary to put into the image}"
for tool in buildah podman mmdebstrap curl; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not here (apt-get install buildah podman mmdebstrap runc)"; exit 0; }
done

work=$(mktemp -d)
sandbox=''
# A storage of its own, which goes with the test; and no limits that only a privileged process may raise.
cat >"$work/storage.conf" <<END
[storage]
driver = "vfs"
graphroot = "$work/graph"
runroot = "$work/run"
END
printf '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]\n' >"$work/containers.conf"
export CONTAINERS_STORAGE_CONF=$work/storage.conf CONTAINERS_CONF=$work/containers.conf STORAGE_DRIVER=vfs
engine=(podman --root "$work/graph" --runroot "$work/run" --storage-driver vfs --cgroup-manager cgroupfs)
! command -v runc >/dev/null || engine+=(--runtime runc)
cleanup() {
    "${engine[@]}" rm --force --ignore numctl-test >/dev/null 2>&1 || true
    [ -z "$sandbox" ] || kill "$sandbox" 2>/dev/null || true
    rm -rf "$work"
}
trap cleanup EXIT

deploy/image/build.sh "$NUMCTL" "$work/image.tar" "$(git rev-parse HEAD 2>/dev/null || true)"
echo "compressed: $(du -h --apparent-size "$work/image.tar" | cut -f1)"
image=$("${engine[@]}" load --quiet --input "$work/image.tar" | sed 's/^Loaded image[^:]*: //')
"${engine[@]}" image inspect "$image" --format 'image: {{.Id}} {{.Size}} bytes, user {{.User}}, {{.Config.Labels}}' | sed 's/map\[//; s/\]$//'

"$NUMCTL" sandbox >"$work/sandbox" 2>&1 &
sandbox=$!
until grep -qs '^ready' "$work/sandbox"; do
    kill -0 "$sandbox"
    sleep 0.1
done
grep = "$work/sandbox" >"$work/env"

deployment() { sed -n "$1" deploy/kubernetes/deployment.yaml; }
mapfile -t args < <(deployment '/^ *args:/,/^ *envFrom:/s/^ *- //p' | sed 's/\$(SERVICE)/numctl/; s/\$(NAMESPACE)/numctl/; s/0\.0\.0\.0:9797/127.0.0.1:19797/')
user=$(deployment 's/^ *runAsUser: //p')
mkdir "$work/fleet" "$work/state"
chown "$user:$user" "$work/state"
printf 'version: 1\nnumbers: [{phone_number: "+15552230000", friendly_name: Renamed}]\n...\n' >"$work/fleet/fleet.yaml"
chmod -R a+rX "$work/fleet"

"${engine[@]}" run --detach --name numctl-test --network host --env-file "$work/env" --read-only --read-only-tmpfs=false \
    --user "$user:$user" --cap-drop all --security-opt no-new-privileges \
    --volume "$work/fleet:/etc/numctl:ro" --volume "$work/state:/var/lib/numctl" \
    "$image" "${args[@]}" >/dev/null
fail() { echo "$*"; "${engine[@]}" logs numctl-test; exit 1; }
for path in /healthz /readyz; do
    status=
    for _ in $(seq 150); do
        status=$(curl --silent --output /dev/null --write-out '%{http_code}' "http://127.0.0.1:19797$path" || true)
        [ "$status" = 200 ] && break || sleep 0.2
    done
    [ "$status" = 200 ] || fail "$path: $status"
    echo "$path: $status"
done
pid=$("${engine[@]}" inspect numctl-test --format '{{.State.Pid}}')
for line in "^Uid:\s$user\s" '^CapEff:\s0*$' '^CapBnd:\s0*$' '^NoNewPrivs:\s1'; do
    grep -P "$line" "/proc/$pid/status" || fail "not $line"
done
[[ $(awk '$5 == "/" { print $6 }' "/proc/$pid/mountinfo") = ro* ]] || fail "the root can be written to"
[ -s "$work/state/journal.jsonl" ] || fail "nothing is written down in --journal"
"${engine[@]}" stop --time 30 numctl-test >/dev/null
code=$("${engine[@]}" inspect numctl-test --format '{{.State.ExitCode}}')
[ "$code" = 0 ] || fail "it ended with $code"
echo "the image runs as the Deployment says"
