#!/usr/bin/env bash
# Fetches one Debian package into the cache and prints its path. The digest is the pin: nothing else gets through.
# Used for packages whose *content* is wanted (images); nothing of them is installed. Needs apt's package lists.
#
#   deb.sh NAME VERSION SHA256 [ARCHITECTURE]
set -euo pipefail

name=$1 version=$2 sha256=$3 architecture=${4:-all}
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
file=$cache/downloads/${name}_${version}_$architecture.deb

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

if [[ ! -f $file ]] || ! is_pinned "$file"; then
    printf 'download: Debian %s %s …\n' "$name" "$version" >&2
    part=$cache/downloads/.part.$$
    trap 'rm -rf "$part"' EXIT
    mkdir -p "$part"
    # apt fetches as a user of its own, who may not be let into the cache; as root it then says so and goes on.
    (cd "$part" && apt-get -o APT::Sandbox::User=root -qq download "$name=$version" >&2) \
        || { printf 'download: cannot get Debian %s %s: try `apt-get update` first\n' "$name" "$version" >&2; exit 1; }
    mv "$part"/*.deb "$part/package"
    is_pinned "$part/package" \
        || { printf 'download: Debian %s %s is not the pinned file (SHA-256 differs)\n' "$name" "$version" >&2; exit 1; }
    mv "$part/package" "$file"
fi
printf '%s\n' "$file"
