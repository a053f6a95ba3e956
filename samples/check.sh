#!/usr/bin/env bash
# Prepares the samples and checks them with pydicom, dcmtk and dciodvfy (see check.py).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
"$here/prepare.sh"
films=$("$here/../setup/wheel.sh" pneumonia-model-package 0.3.0 \
    4bb1ee80366db5de818c7255e62878871b8ec545681193f429e2575b791d3536)
PATH=$LIGHTBOX_CACHE/venv/bin:$PATH python "$here/check.py" "$LIGHTBOX_CACHE/samples" "$films"
