#!/usr/bin/env bash
# Builds the image without a registry and without a Dockerfile: Debian's libc, libgcc and CA certificates, the
# binary, the licences; no shell, no package manager. It needs buildah and mmdebstrap, and root or a user
# namespace (`buildah unshare`). The same inputs make the same image: SOURCE_DATE_EPOCH is its date.
# Usage: deploy/image/build.sh BINARY OUT.tar [REVISION]
set -euo pipefail
binary=$(realpath "$1") out=$(realpath -m "$2") revision=${3:-}
cd "$(dirname "$0")/../.."

suite=bookworm
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH=$epoch
work=$(mktemp -d)
container=
trap '[ -z "$container" ] || buildah rm "$container" >/dev/null; rm -rf "$work"' EXIT

# Extracted, and not installed: no script of theirs runs, and what needs one is not here.
mmdebstrap --quiet --variant=extract --include=base-files,libc6,libgcc-s1,ca-certificates,netbase "$suite" "$work/all"
root=$work/root
mkdir -p "$root"/{etc/ssl/certs,etc/numctl,usr/local/bin,var/lib/numctl,tmp,proc,sys,dev,licenses}
(cd "$work/all" && cp -a --parents -t "$root" etc/os-release usr/lib/os-release etc/debian_version etc/services etc/protocols)
for package in base-files libc6 libgcc-s1 ca-certificates netbase; do
    install -D -m 0644 "$work/all/usr/share/doc/$package/copyright" "$root/usr/share/doc/$package/copyright"
done
cat "$work"/all/usr/share/ca-certificates/mozilla/*.crt >"$root/etc/ssl/certs/ca-certificates.crt"
# Of the libraries, what the binary is linked to, and what libc loads by itself for host names.
libraries=$(ldd "$binary" | grep -o '/[^ ]*')
for library in $libraries /lib/x86_64-linux-gnu/libnss_dns.so.2 /lib/aarch64-linux-gnu/libnss_dns.so.2 \
    /lib/x86_64-linux-gnu/libnss_files.so.2 /lib/aarch64-linux-gnu/libnss_files.so.2 \
    /lib/x86_64-linux-gnu/libresolv.so.2 /lib/aarch64-linux-gnu/libresolv.so.2; do
    [ ! -e "$work/all/$library" ] || (cd "$work/all" && cp --parents -L -t "$root" ".$library")
done
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
printf 'root:x:0:0:root:/:/sbin/nologin\nnumctl:x:65532:65532:numctl:/:/sbin/nologin\n' >"$root/etc/passwd"
printf 'root:x:0:\nnumctl:x:65532:\n' >"$root/etc/group"
install -m 0755 "$binary" "$root/usr/local/bin/numctl"
install -m 0644 LICENSE-APACHE LICENSE-MIT "$root/licenses/"
chmod 1777 "$root/tmp"
chown 65532:65532 "$root/var/lib/numctl"
find "$root" -exec touch --no-dereference --date="@$epoch" {} +

container=$(buildah from scratch)
buildah copy --quiet "$container" "$root" / >/dev/null
buildah config --user 65532:65532 --entrypoint '["/usr/local/bin/numctl"]' --cmd '["--help"]' \
    --label org.opencontainers.image.title=numctl \
    --label org.opencontainers.image.description="Keeps a fleet of Twilio phone numbers in a declared state" \
    --label org.opencontainers.image.version="$version" \
    --label org.opencontainers.image.licenses="MIT OR Apache-2.0" \
    --label org.opencontainers.image.revision="$revision" \
    --label org.opencontainers.image.base.name="scratch, Debian $suite" "$container"
buildah commit --quiet --disable-compression=false --timestamp "$epoch" "$container" "oci-archive:$out:numctl:$version"
