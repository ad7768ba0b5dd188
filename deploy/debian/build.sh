#!/usr/bin/env bash
# Builds the Debian package: the binary, unless NUMCTL names one, its man pages and completions, and the unit.
# It needs cargo-deb (cargo install cargo-deb --locked). Usage: [NUMCTL=BINARY] deploy/debian/build.sh [OUT.deb]
set -euo pipefail
cd "$(dirname "$0")/../.."

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-target}
if [ -z "${NUMCTL:-}" ]; then
    cargo build --release --locked --bin numctl
    NUMCTL=$CARGO_TARGET_DIR/release/numctl
elif ! [ "$NUMCTL" -ef "$CARGO_TARGET_DIR/release/numctl" ]; then
    install -D -m 0755 "$NUMCTL" "$CARGO_TARGET_DIR/release/numctl"
fi

made=target/package
rm -rf "$made"
mkdir -p "$made"
"$NUMCTL" man "$made/man"
"$NUMCTL" completions bash >"$made/numctl.bash"
"$NUMCTL" completions zsh >"$made/_numctl"
"$NUMCTL" completions fish >"$made/numctl.fish"
# A package's files are in /usr.
sed -e 's#/usr/local/bin/#/usr/bin/#' -e '/^# \/etc\/systemd/,/^$/d' deploy/systemd/numctl.service >"$made/numctl.service"

cargo deb --no-build --no-strip ${1:+--output "$1"}
