#!/usr/bin/env bash
# Prepares the films and checks the reference on them (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$root/samples/mammo/prepare.sh"
"$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py" "$LIGHTBOX_CACHE/mammo" "$root/samples/mammo/films.toml" "$@"
