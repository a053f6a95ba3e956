#!/usr/bin/env bash
# Prints the folder for cargo's output of this checkout, and makes it first if need be: $LIGHTBOX_CACHE/targets/DIGEST.
#
# Every checkout has one of its own: cargo calls a workspace's crates the same wherever the workspace lies and goes by the
# times of files, so that two checkouts in one folder would run each other's code. What does not come from a checkout,
# the compiled dependencies, is copied from the folder used last, so a fresh clone need not compile them again.
set -euo pipefail

checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
targets=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}/targets
target=$targets/$(printf '%s' "$checkout" | sha256sum | cut -c1-12)

# Fingerprints first: cargo writes them last, so that whatever they speak of is whole even if a build is under way.
copy_dependencies() {
    local piece parts=()
    for piece in {debug,release}/{.fingerprint,build,deps}; do [[ -d $1/$piece ]] && parts+=("$piece"); done
    [[ ${#parts[@]} -gt 0 ]] || return 0
    printf 'setup: taking over the dependencies that another checkout has compiled …\n' >&2
    tar --create --format=posix --directory="$1" --exclude='*lightbox*' --exclude='*xtask*' --exclude='it-*' \
        --warning=no-file-changed "${parts[@]}" | tar --extract --directory="$2" \
        || [[ ${PIPESTATUS[0]} -le 1 && ${PIPESTATUS[1]} -eq 0 ]] # 1: a file changed while it was read
}

# The folders used last stay, those of checkouts that are gone do not.
targets_max=2
remove_old_ones() {
    local folder
    for folder in "$targets"/*/; do
        if [[ -f $folder/.checkout && ! -d $(cat "$folder/.checkout") ]]; then rm -rf "$folder"; fi
    done
    find "$targets" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %p\n' | sort -rn | sed 's/[^ ]* //' \
        | tail -n +$((targets_max + 1)) | while read -r folder; do rm -rf "$folder"; done
}

make_target() {
    local latest
    rm -rf "$targets"/.part.* # of one that was killed
    part=$(mktemp --directory --tmpdir="$targets" .part.XXXXXX)
    trap 'rm -rf "$part"' EXIT
    latest=$(find "$targets" -mindepth 1 -maxdepth 1 -type d ! -name '.*' -printf '%T@ %p\n' | sort -rn | sed -n '1s/[^ ]* //p')
    if [[ -n $latest ]]; then copy_dependencies "$latest" "$part"; fi
    printf '%s\n' "$checkout" >"$part/.checkout"
    chmod 755 "$part"
    mv "$part" "$target"
    trap - EXIT
    remove_old_ones
}

mkdir -p "$targets"
exec 9>"$targets/.lock"
flock 9
if [[ ! -f $target/.checkout ]]; then make_target; fi
touch "$target" # used last
printf '%s\n' "$target"
