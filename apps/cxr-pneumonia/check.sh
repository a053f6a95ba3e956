#!/usr/bin/env bash
# Prepares the release and checks it against the original model's scores on the real films (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
"$here/prepare.sh"
films=$("$here/../../setup/wheel.sh" pneumonia-model-package 0.3.0 \
    4bb1ee80366db5de818c7255e62878871b8ec545681193f429e2575b791d3536)
"$LIGHTBOX_CACHE/venv/bin/python" "$here/check.py" "$LIGHTBOX_CACHE/apps/cxr-pneumonia-0.1.0/model.onnx" "$films"
