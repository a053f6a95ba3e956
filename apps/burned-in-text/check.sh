#!/usr/bin/env bash
# Prepares the release and the images and checks what is read in them (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$here/prepare.sh"
"$root/samples/burned-in/prepare.sh"
"$root/samples/prepare.sh"
"$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py" "$LIGHTBOX_CACHE/apps/burned-in-text-1.4.4" \
    "$LIGHTBOX_CACHE/burned-in" "$LIGHTBOX_CACHE/samples/rg1.dcm"
