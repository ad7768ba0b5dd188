#!/usr/bin/env bash
# The kept corpora, one archive for each target: corpus.sh unpack DIR, corpus.sh pack DIR
set -euo pipefail
kept="$(cd "$(dirname "$0")" && pwd)/corpus"
case "${1:-} ${2:-}" in
"unpack "?*)
    for archive in "$kept"/*.tar; do
        target="$2/$(basename "$archive" .tar)"
        mkdir -p "$target"
        tar -xf "$archive" -C "$target"
    done
    ;;
"pack "?*)
    for target in "$2"/*/; do
        # The same inputs give the same archive.
        (cd "$target" && find . -type f -printf '%P\n' | LC_ALL=C sort) |
            tar -C "$target" -cf "$kept/$(basename "$target").tar" --format=ustar \
                --mtime=@0 --owner=0 --group=0 --numeric-owner --mode=644 --blocking-factor=1 -T -
    done
    ;;
*)
    echo "usage: $0 unpack|pack DIR" >&2
    exit 2
    ;;
esac
