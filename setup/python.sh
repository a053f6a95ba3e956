#!/usr/bin/env bash
# Makes the Python environment that set-up, samples and tests share, and takes ONNX Runtime's library out of it.
#
#   $LIGHTBOX_CACHE/venv/                                    pinned and hash-checked packages of requirements.txt
#   $LIGHTBOX_CACHE/onnxruntime/libonnxruntime.so.1.31.1     what the `inference` crate loads
#
# Runs again in no time: a stamp holds the digest of what the environment was made from.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
venv=$cache/venv
library=libonnxruntime.so.1.31.1
# The same bytes in the wheel of every Python version for x86-64; rises together with requirements.in.
library_sha256=fc44112fbe06d7d689c57e11d3862031f64711007e4ee020f8eed5185fd2c1d3

say() { printf 'python: %s\n' "$*"; }
die() { printf 'python: %s\n' "$*" >&2; exit 1; }

# What the environment is made from: the interpreter and the pins. Another of either makes it anew.
wanted_stamp() {
    { python3 --version; cat "$here/requirements.txt"; } | sha256sum | cut -d' ' -f1
}

make_venv() {
    local stamp; stamp=$(wanted_stamp)
    if [[ -x $venv/bin/python && $(cat "$venv/.stamp" 2>/dev/null) == "$stamp" ]]; then
        say "environment is ready ($venv)"
        return
    fi
    say "making the environment from $(grep -c '==' "$here/requirements.txt") pinned packages (about half a minute) …"
    rm -rf "$venv"
    python3 -m venv "$venv" || die "cannot make a virtual environment: install Debian's python3-venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-compile \
        --only-binary=:all: --require-hashes --requirement "$here/requirements.txt" \
        || die "cannot install the pinned packages: is the package index reachable?"
    printf '%s\n' "$stamp" >"$venv/.stamp"
    say "environment made ($venv)"
}

# Copied, so that the server depends on one small folder and not on an environment that may be made anew under it.
take_library() {
    local target=$cache/onnxruntime/$library
    if [[ -f $target ]] && is_pinned "$target"; then
        say "ONNX Runtime library is ready ($target)"
        return
    fi
    local found; found=$(find "$venv/lib" -name "$library" -print -quit)
    [[ -n $found ]] || die "no $library in the onnxruntime package: requirements.in and python.sh disagree"
    is_pinned "$found" || die "$library is not the pinned one: only x86-64 Linux is known so far"
    mkdir -p "$cache/onnxruntime"
    cp "$found" "$target.part"
    mv "$target.part" "$target"
    say "ONNX Runtime library taken ($target)"
}

is_pinned() { printf '%s  %s\n' "$library_sha256" "$1" | sha256sum --check --status; }

command -v python3 >/dev/null || die "python3 is missing: install it first"
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || die "needs Python 3.11 or newer, found $(python3 --version)"
mkdir -p "$cache"
exec 9>"$cache/.python.lock"
flock 9 # two set-ups at once: the second waits and finds all ready
make_venv
take_library
