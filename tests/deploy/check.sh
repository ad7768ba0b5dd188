#!/usr/bin/env bash
# Holds deploy/ and the CI examples to the real thing: a strict kube-apiserver with RBAC and Pod Security,
# promtool, systemd-analyze, actionlint, the vendors' schemas, and a root as a container has it.
# Usage:
#   tests/kube/install.sh DIR && NUMCTL=target/release/numctl KUBEBUILDER_ASSETS=DIR tests/deploy/check.sh
# What is not on this machine is skipped, and said so.
set -euo pipefail
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

if command -v promtool >/dev/null; then
    promtool check rules deploy/alerts.yaml
    (cd tests/deploy && promtool test rules alerts.test.yaml)
else
    echo "SKIPPED: promtool is not on PATH (go install github.com/prometheus/prometheus/cmd/promtool)"
fi

if command -v actionlint >/dev/null; then
    actionlint .github/workflows/*.yml
    actionlint -stdin-filename .github/workflows/numctl.yml - <examples/ci/github-actions.yml
    echo "workflows: actionlint has no findings"
else
    echo "SKIPPED: actionlint is not on PATH (go install github.com/rhysd/actionlint/cmd/actionlint)"
fi

if command -v zizmor >/dev/null; then
    # The example lies where GitHub would have it: zizmor looks only there.
    mkdir -p "$work/example/.github/workflows"
    cp examples/ci/github-actions.yml "$work/example/.github/workflows/numctl.yml"
    zizmor --offline --no-progress --quiet .github deploy/github-action "$work/example"
    echo "workflows: zizmor has no findings"
else
    echo "SKIPPED: zizmor is not on PATH (pip install zizmor)"
fi

if command -v check-jsonschema >/dev/null; then
    check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci examples/ci/gitlab-ci.yml
    check-jsonschema --builtin-schema vendor.github-workflows examples/ci/github-actions.yml
else
    echo "SKIPPED: check-jsonschema is not on PATH (pip install --only-binary :all: check-jsonschema)"
fi

if command -v systemd-analyze >/dev/null; then
    unit=$work/numctl.service
    # The binary need not be installed here. What it finds is told, and no failure: any word is one.
    sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' deploy/systemd/numctl.service >"$unit"
    found=$(systemd-analyze verify "$unit" 2>&1) && [ -z "$found" ] || { echo "$found"; exit 1; }
    # In tenths: as exposed as it was, or less.
    systemd-analyze security --offline=yes --no-pager --threshold=14 "$unit" | tail -n 1
else
    echo "SKIPPED: systemd-analyze is not here (apt-get install systemd)"
fi

if [ -n "${NUMCTL:-}" ]; then
    tests/deploy/pod.sh
else
    echo "SKIPPED: NUMCTL names no binary for tests/deploy/pod.sh"
fi

assets=${KUBEBUILDER_ASSETS:-}
if [ ! -x "$assets/kube-apiserver" ] || [ ! -x "$assets/etcd" ] || ! command -v kubectl >/dev/null; then
    echo "SKIPPED: kubectl, or kube-apiserver and etcd in KUBEBUILDER_ASSETS, are not here"
    exit 0
fi

port=$((20000 + RANDOM % 10000))
openssl genrsa -out "$work/sa.key" 2048 2>/dev/null
openssl rsa -in "$work/sa.key" -pubout -out "$work/sa.pub" 2>/dev/null
echo 'admin-token,admin,1,"system:masters"' >"$work/tokens.csv"
etcd=http://127.0.0.1:$((port + 1))
"$assets/etcd" --data-dir="$work/etcd" --listen-client-urls="$etcd" --advertise-client-urls="$etcd" \
    --listen-peer-urls="http://127.0.0.1:$((port + 2))" --unsafe-no-fsync >"$work/etcd.log" 2>&1 &
"$assets/kube-apiserver" --etcd-servers="$etcd" --secure-port="$port" --bind-address=127.0.0.1 \
    --advertise-address=127.0.0.1 --cert-dir="$work/certs" --token-auth-file="$work/tokens.csv" \
    --authorization-mode=RBAC --service-account-issuer=https://kubernetes.default.svc \
    --service-account-signing-key-file="$work/sa.key" --service-account-key-file="$work/sa.pub" \
    --service-cluster-ip-range=10.0.0.0/24 >"$work/api.log" 2>&1 &

kube() {
    kubectl --kubeconfig=/dev/null --server="https://127.0.0.1:$port" --insecure-skip-tls-verify --token=admin-token "$@"
}
for _ in $(seq 120); do
    kube get --raw /readyz >/dev/null 2>&1 && break
    sleep 0.5
done
kube get --raw /readyz >/dev/null || { tail -n 20 "$work/api.log"; exit 1; }

# Once for the namespace, and once more: applying is idempotent.
for _ in 1 2; do
    kube apply --server-side --validate=strict -k deploy/kubernetes
done

# Each overlay, on top of what is there; a Job's template cannot be changed.
kube create namespace flux-system
for overlay in argocd flux/fleet flux/check many-files two-fleets/emea two-fleets/apac; do
    kube delete job --all --all-namespaces >/dev/null
    kube apply --server-side --force-conflicts --validate=strict -k "deploy/gitops/$overlay" >"$work/applied"
    echo "deploy/gitops/$overlay: $(wc -l <"$work/applied") objects"
done
for fleet in emea apac; do
    found=$(kube get lease,service,deployment,role,pvc -n numctl -o name | grep -c "/$fleet-numctl")
    [ "$found" = 5 ] || { echo "$fleet: $found of 5 objects have the prefix"; exit 1; }
    told=$(kube get deployment "$fleet-numctl" -n numctl -o jsonpath='{.spec.template.spec.containers[0].env[?(@.name=="NUMCTL_LEASE")].value}')
    [ "$told" = "$fleet-numctl" ] || { echo "$fleet: it would hold the Lease $told"; exit 1; }
done
for component in credentials-as-files persistent-journal git-sync; do
    mkdir -p "$work/with/$component"
    cp -r deploy/kubernetes "$work/base"
    printf 'resources: [../../base]\ncomponents: [../../base/components/%s]\n' "$component" >"$work/with/$component/kustomization.yaml"
    kube apply --server-side --force-conflicts --validate=strict -k "$work/with/$component" >/dev/null
    rm -rf "$work/base"
    echo "components/$component is taken"
done
kube apply --server-side --force-conflicts --validate=strict -k deploy/kubernetes >/dev/null

# A fleet of 900 KiB in one ConfigMap: more than the annotation of a client-side apply takes.
python3 - "$work/large.yaml" <<'END'
import json, sys
numbers = [{"phone_number": f"+1555{n:07}", "friendly_name": "Line " + str(n) + " " + "x" * 60} for n in range(7000)]
fleet = json.dumps({"version": 1, "numbers": numbers})
assert 800_000 < len(fleet) < 1_000_000, len(fleet)
json.dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "numctl-fleet", "namespace": "numctl"},
           "data": {"fleet.yaml": fleet}}, open(sys.argv[1], "w"))
END
kube apply --server-side --force-conflicts --validate=strict -f "$work/large.yaml"
if kube apply --validate=strict -f "$work/large.yaml" 2>"$work/refused"; then
    echo "a client-side apply took it too"
else
    grep -o 'Too long: [a-z 0-9]*' "$work/refused" | head -n 1
fi

if command -v helm >/dev/null; then
    helm lint --quiet deploy/helm/numctl
    # As it is, and with all that can be set.
    cat >"$work/values.yaml" <<'END'
fleetName: EMEA support
fleet: { existingConfigMaps: [numctl-fleet-a] }
credentials: { asFiles: true }
env: { NUMCTL_MAX_RELEASES: "0" }
args: [--dry-run]
listenHosts: [numctl.example.com]
publicUrl: https://numctl.example.com/
notify: { secret: numctl-notify, hasAuthorization: true }
journal: { persistent: true, storageClass: shared }
tolerations: [{ key: a, operator: Exists }]
nodeSelector: { a: b }
END
    for release in "numctl" "emea --values $work/values.yaml"; do
        # shellcheck disable=SC2086 # words are meant
        helm template ${release} deploy/helm/numctl --namespace helm --kube-version 1.34 >"$work/helm.yaml"
        kube create namespace helm --dry-run=client -o yaml | kube apply -f - >/dev/null
        kube label namespace helm pod-security.kubernetes.io/enforce=restricted --overwrite >/dev/null
        kube apply --server-side --validate=strict -n helm -f "$work/helm.yaml" >"$work/applied"
        echo "helm, $release: $(wc -l <"$work/applied") objects"
        name=$(kube get deployment -n helm -o name | grep "${release%% *}")
        kube get "$name" -n helm -o json | python3 -c '
import json, sys
spec = json.load(sys.stdin)["spec"]["template"]["spec"]
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "helm"}, "spec": spec}))
' | kube create --dry-run=server --validate=strict -f - >/dev/null
        [ -z "${NUMCTL:-}" ] || kube get "$name" -n helm -o json | python3 -c '
import json, subprocess, sys
args = json.load(sys.stdin)["spec"]["template"]["spec"]["containers"][0]["args"]
subprocess.run([sys.argv[1], *args, "--help"], check=True, stdout=subprocess.DEVNULL)
' "$NUMCTL"
    done
else
    echo "SKIPPED: helm is not on PATH (go install helm.sh/helm/v3/cmd/helm)"
fi

may() {
    local wanted=$1
    shift
    local answer
    answer=$(kube auth can-i "$@" -n numctl --as=system:serviceaccount:numctl:numctl 2>/dev/null || true)
    [ "$answer" = "$wanted" ] || { echo "numctl's account may $*: $answer, and not $wanted"; exit 1; }
}
may yes get lease/numctl
may yes update lease/numctl
# Kubernetes cannot limit this one to a name.
may yes create leases
may yes create events
may yes get deployment/numctl
for refused in "get lease/other" "update lease/other" "delete lease/numctl" "list leases" \
    "get secrets" "get configmaps" "list pods" "get deployment/other" "update deployment/numctl" \
    "list events" "patch events"; do
    # shellcheck disable=SC2086
    may no $refused
done
echo "the service account may use its Lease, read its Deployment and write Events, and nothing else that was asked"

# With no more rights than these it leads, and its Deployment tells so.
if [ -n "${NUMCTL:-}" ]; then
    kube create token numctl -n numctl >"$work/token"
    "$NUMCTL" sandbox >"$work/sandbox" 2>&1 &
    until grep -qs '^ready' "$work/sandbox"; do sleep 0.1; done
    printf 'version: 1\npolicy: {max_releases: 1}\nnumbers: [{phone_number: "+15552230000", state: released}]\n...\n' >"$work/fleet.yaml"
    mapfile -t env < <(grep = "$work/sandbox")
    env "${env[@]}" "$NUMCTL" run -f "$work/fleet.yaml" --interval 5s --journal none --lease numctl/numctl \
        --kube-events numctl/numctl --kube-api "https://127.0.0.1:$port" --kube-token-file "$work/token" \
        --kube-ca-file "$work/certs/apiserver.crt" >"$work/numctl.log" 2>&1 &
    numctl=$!
    for _ in $(seq 100); do
        kube describe deployment numctl -n numctl | grep -q Released && break
        sleep 0.2
    done
    kill $numctl
    kube describe deployment numctl -n numctl | sed -n '/^Events:/,$p' | tee "$work/events"
    grep -q 'Leading.*numctl.*writes now' "$work/events" && grep -q 'Released.*+15552230000' "$work/events" ||
        { cat "$work/numctl.log"; exit 1; }
fi

# Pod Security judges pods, and no controller makes them here.
pod() {
    kube get deployment numctl -n numctl -o json | python3 -c '
import json, sys
spec = json.load(sys.stdin)["spec"]["template"]["spec"]
if sys.argv[1] == "weak":
    spec["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
print(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "probe", "namespace": "numctl"}, "spec": spec}))
' "$1"
}
pod as-is | kube create --dry-run=server --validate=strict -f -
if pod weak | kube create --dry-run=server -f - 2>"$work/weak"; then
    echo "a pod that may gain privileges was let in: Pod Security does not judge"
    exit 1
fi
grep -o 'violates PodSecurity "restricted:[a-z0-9.]*"' "$work/weak"

# The operator's own kinds, where its module is at hand.
module=$(go mod download -json github.com/prometheus-operator/prometheus-operator@v0.85.0 2>/dev/null |
    sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p' || true)
if [ -n "$module" ]; then
    for kind in servicemonitors prometheusrules; do
        kube apply --server-side -f "$module/example/prometheus-operator-crd/monitoring.coreos.com_$kind.yaml"
    done
    kube wait --for=condition=Established crd --all --timeout=30s >/dev/null
    kube apply --server-side --validate=strict -k deploy/kubernetes/monitoring
else
    echo "SKIPPED: the Prometheus operator's definitions could not be had"
fi
echo "deploy/ holds"
