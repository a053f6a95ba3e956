#!/usr/bin/env bash
# Checks the tables of the scores by examples worked out by hand (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py"
