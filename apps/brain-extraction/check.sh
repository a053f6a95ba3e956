#!/usr/bin/env bash
# Prepares the release and checks it against the original's arithmetic and on a real head (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
"$here/prepare.sh"
"$root/samples/brain/prepare.sh"
wheel=$("$root/setup/wheel.sh" deepbrain 0.1 87c10e8cf906977dfc828320fb0c319e6ff4de460235cfe33a1c04906a8890de)
PYTHONPATH=$root/samples/brain "$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py" \
    "$LIGHTBOX_CACHE/apps/brain-extraction-0.1.0/model.onnx" "$wheel" "$LIGHTBOX_CACHE/brain" "$@"
