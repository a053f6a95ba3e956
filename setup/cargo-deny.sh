#!/usr/bin/env bash
# Puts the pinned cargo-deny into $LIGHTBOX_CACHE/tools/bin, once. It is a tool: nothing of it enters Lightbox.
# Built without the optimisations that would only make its own build longer.
set -euo pipefail

version=0.20.2
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
tools=$cache/tools

is_installed() { [[ $("$tools/bin/cargo-deny" --version 2>/dev/null) == "cargo-deny $version" ]]; }

mkdir -p "$tools"
exec 9>"$tools/.lock"
flock 9 # two set-ups at once: the second waits and finds it ready
is_installed && exit 0

printf 'cargo-deny: building %s (about five minutes on two cores, once) …\n' "$version"
trap 'rm -rf "$tools/build"' EXIT
CARGO_TARGET_DIR=$tools/build nice cargo install cargo-deny --version "$version" --locked --quiet --force --root "$tools" \
    --config 'profile.release.lto=false' --config 'profile.release.opt-level=1' --config 'profile.release.codegen-units=16' \
    --config 'profile.release.debug=false'
is_installed || { printf 'cargo-deny: built, but %s does not answer with its version\n' "$tools/bin/cargo-deny" >&2; exit 1; }
