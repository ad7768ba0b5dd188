#!/usr/bin/env bash
# Installs what the lease's tests need of a real cluster into DIR: etcd (Debian's package) and
# kube-apiserver (built from its Go modules). As with envtest, the tests find them by
# KUBEBUILDER_ASSETS. Usage:
#   tests/kube/install.sh DIR && KUBEBUILDER_ASSETS=DIR cargo test --test it -- lease
set -euo pipefail

version=1.34.4
dir=${1:?usage: tests/kube/install.sh DIR}
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

if [ ! -x "$dir/etcd" ]; then
    (cd "$work" && apt-get download etcd-server && dpkg-deb -x etcd-server_*.deb etcd)
    install -m 755 "$work/etcd/usr/bin/etcd" "$dir/etcd"
fi

if [ ! -x "$dir/kube-apiserver" ]; then
    mkdir "$work/build" && cd "$work/build"
    # `go install module/cmd@version` refuses a module that replaces others by folders of its own, as
    # Kubernetes does with its parts. Here each part is taken at the version of the same release.
    gomod=$(go mod download -json "k8s.io/kubernetes@v$version" | sed -n 's/^\t"GoMod": "\(.*\)",*$/\1/p')
    go mod init numctl.test/kube >/dev/null 2>&1
    for part in $(sed -n 's/^\t\(k8s\.io\/[a-z0-9-]*\) v0\.0\.0\( .*\)*$/\1/p' "$gomod" | sort -u); do
        go mod edit -replace "$part=$part@v0.${version#1.}"
    done
    go mod edit -require "k8s.io/kubernetes@v$version"
    nice -n 19 go build -mod=mod -trimpath -ldflags '-s -w' -o "$dir/kube-apiserver" k8s.io/kubernetes/cmd/kube-apiserver
fi

"$dir/etcd" --version | head -n 1
"$dir/kube-apiserver" --version
