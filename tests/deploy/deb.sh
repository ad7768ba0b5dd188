#!/usr/bin/env bash
# Builds the Debian package, and installs, runs and purges it in a root of its own: what a host gets, what stays
# after a purge. systemd does not run there: the unit is checked, and its command is run by hand.
# Usage, as root: [NUMCTL=BINARY] tests/deploy/deb.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
for tool in mmdebstrap cargo-deb dpkg-deb curl; do
    command -v "$tool" >/dev/null || { echo "SKIPPED: $tool is not here"; exit 0; }
done

work=$(mktemp -d)
sandbox='' daemon=''
trap 'kill $daemon $sandbox 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT
deploy/debian/build.sh "$work/numctl.deb" >"$work/built" 2>&1 || { cat "$work/built"; exit 1; }
dpkg-deb --info "$work/numctl.deb" | grep -E '^ (Package|Version|Architecture|Depends|Installed-Size):'
echo "package: $(du -h --apparent-size "$work/numctl.deb" | cut -f1)"

root=$work/root
mmdebstrap --quiet --variant=essential --include=ca-certificates,libgcc-s1 bookworm "$root"
# As any host has it, where packages may leave files.
(cd "$root" && find etc usr var ! -path 'var/lib/dpkg/*' ! -path 'var/log/*' | sort) >"$work/before"
cp "$work/numctl.deb" "$root/"
inside=(chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin)
in_root() { "${inside[@]}" "$@"; }
in_root dpkg --install /numctl.deb >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
echo "installed: $(in_root dpkg-query --show numctl)"

has() { [ -e "$root/$1" ] || { echo "no $1"; exit 1; }; }
for file in usr/bin/numctl usr/lib/systemd/system/numctl.service usr/share/bash-completion/completions/numctl \
    usr/share/zsh/vendor-completions/_numctl usr/share/fish/vendor_completions.d/numctl.fish etc/numctl/fleet.yaml; do
    has "$file" || has "${file#usr/}"
done
for page in numctl numctl-apply numctl-run; do
    has "usr/share/man/man1/$page.1.gz"
done
[ "$(stat -c '%a %U' "$root/etc/numctl/numctl.env")" = "600 root" ] || { echo "numctl.env can be read by others"; exit 1; }
in_root numctl --version
in_root numctl validate -f /etc/numctl/fleet.yaml
if command -v man >/dev/null; then
    zcat "$root/usr/share/man/man1/numctl-apply.1.gz" >"$work/apply.1"
    MANWIDTH=80 man --warnings=w --local-file "$work/apply.1" 2>"$work/warned" | head -n 4
    [ ! -s "$work/warned" ] || { cat "$work/warned"; exit 1; }
fi
unit=$(find "$root" -name numctl.service -path '*systemd/system*' | head -n 1)
[ -z "$(find "$root/etc/systemd" -name numctl.service 2>/dev/null)" ] || { echo "the service is enabled before there is a fleet"; exit 1; }
if command -v systemd-analyze >/dev/null; then
    sed 's#^ExecStart=[^ ]*#ExecStart=/bin/true#' "$unit" >"$work/numctl.service"
    found=$(systemd-analyze verify "$work/numctl.service" 2>&1) && [ -z "$found" ] || { echo "$found"; exit 1; }
fi

# What the unit starts, with what systemd would make for it.
"${inside[@]}" numctl sandbox >"$work/sandbox" 2>&1 &
sandbox=$!
until grep -qs '^ready' "$work/sandbox"; do
    kill -0 $sandbox
    sleep 0.1
done
mapfile -t env < <(grep = "$work/sandbox")
printf 'version: 1\nnumbers: [{phone_number: "+15552230000", friendly_name: Renamed}]\n...\n' >"$root/etc/numctl/fleet.yaml"
mkdir -p "$root/var/lib/private/numctl" "$root/run/numctl"
ln -s private/numctl "$root/var/lib/numctl"
read -r -a command < <(sed -n 's/^ExecStart=//p' "$unit")
"${inside[@]}" "${env[@]}" NUMCTL_LISTEN=127.0.0.1:19798 "${command[@]}" >"$work/daemon" 2>&1 &
daemon=$!
for _ in $(seq 100); do
    curl --silent --fail http://127.0.0.1:19798/readyz >/dev/null && break
    kill -0 $daemon || { cat "$work/daemon"; exit 1; }
    sleep 0.2
done
curl --silent --show-error --fail http://127.0.0.1:19798/readyz
in_root numctl history --state-dir /var/lib/numctl | head -n 3
kill $daemon
wait $daemon || { echo "it ended with $?"; exit 1; }
kill $sandbox
daemon='' sandbox=''

in_root dpkg --remove numctl >>"$work/log" 2>&1
has etc/numctl/fleet.yaml
has var/lib/private/numctl/journal.jsonl
in_root dpkg --purge numctl >>"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
(cd "$root" && find etc usr var ! -path 'var/lib/dpkg/*' ! -path 'var/log/*' | sort) >"$work/after"
left=$(comm -13 "$work/before" "$work/after" | grep -v '^var/cache/ldconfig\|^var/lib/private$' || true)
[ -z "$left" ] || { echo "left after a purge:"; echo "$left"; exit 1; }
echo "the package comes and goes"
