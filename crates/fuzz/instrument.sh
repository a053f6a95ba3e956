#!/usr/bin/env bash
# Stands between cargo and rustc for the crates of this workspace (RUSTC_WORKSPACE_WRAPPER): counters at every edge of our own
# code, and what is compared with what. The flags are those of `cargo-fuzz`; the stable compiler knows them.
set -euo pipefail

flags=()
for argument in "$@"; do
    if [[ $argument == lightbox_* ]]; then
        flags=(
            -Cpasses=sancov-module
            -Cllvm-args=-sanitizer-coverage-level=4
            -Cllvm-args=-sanitizer-coverage-inline-8bit-counters
            -Cllvm-args=-sanitizer-coverage-pc-table
            -Cllvm-args=-sanitizer-coverage-trace-compares
        )
    fi
done
exec "$@" "${flags[@]}"
