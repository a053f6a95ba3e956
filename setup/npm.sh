#!/usr/bin/env bash
# Fetches one package from the npm registry into the cache and prints its path. The digest is the pin: nothing else gets
# through. Used for packages whose *files* are wanted; nothing of them is installed or run.
#
#   npm.sh NAME VERSION SHA256
set -euo pipefail

name=$1 version=$2 sha256=$3
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
# As npm names it: @scope/name becomes scope-name.
file_name=${name#@}
file_name=${file_name//\//-}-$version.tgz
file=$cache/downloads/$file_name

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

if [[ ! -f $file ]] || ! is_pinned "$file"; then
    printf 'download: %s %s …\n' "$name" "$version" >&2
    part=$cache/downloads/.part.$$
    trap 'rm -rf "$part"' EXIT
    mkdir -p "$part"
    npm pack "$name@$version" --pack-destination "$part" --silent --no-update-notifier >/dev/null \
        || { printf 'download: cannot get %s %s: is the npm registry reachable?\n' "$name" "$version" >&2; exit 1; }
    is_pinned "$part/$file_name" \
        || { printf 'download: %s %s is not the pinned file (SHA-256 differs)\n' "$name" "$version" >&2; exit 1; }
    mv "$part/$file_name" "$file"
fi
printf '%s\n' "$file"
