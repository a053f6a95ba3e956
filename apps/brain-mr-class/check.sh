#!/usr/bin/env bash
# Prepares the release and the slices and checks the model against the author's package (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$here/prepare.sh"
"$root/samples/brain-slices/prepare.sh"
"$root/samples/brain/prepare.sh"
PYTHONPATH=$root/samples/brain "$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py" \
    "$LIGHTBOX_CACHE/apps/brain-mr-class-0.1.1/model.onnx" "$LIGHTBOX_CACHE/brain-slices" "$LIGHTBOX_CACHE/brain"
