#!/usr/bin/env bash
# Makes the release folder of this app: $LIGHTBOX_CACHE/apps/burned-in-text-1.4.4/ with its three models, the characters
# that the reader knows, and the model card. The models are ONNX already and are taken out of the package as they are.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
release=$LIGHTBOX_CACHE/apps/burned-in-text-1.4.4
pins='d2a7720d45a54257208b1e13e36a8479894cb74155a5efe29462512d42f49da9  detect.onnx
e47acedf663230f8863ff1ab0e64dd2d82b838fceb5957146dab185a89d6215c  turn.onnx
48fc40f24f6d2a207a2b1091d3437eb3cc3eb6b676dc3ef9c37384005483683b  read.onnx
a1c84d9bdb9ab29043c58896224d32941783eb821629618416dcb08f12886492  characters.txt'

is_ready() { (cd "$release" && sha256sum --check --status <<<"$pins" 2>/dev/null); }

mkdir -p "$release"
if ! is_ready; then
    "$root/setup/python.sh"
    wheel=$("$root/setup/wheel.sh" rapidocr-onnxruntime 1.4.4 \
        971d7d5f223a7a808662229df1ef69893809d8457d834e6373d3854bc1782cbf)
    printf 'apps: taking the models of %s out of their package …\n' "${release##*/}"
    "$LIGHTBOX_CACHE/venv/bin/python" "$here/take.py" "$wheel" "$release"
    is_ready || { printf 'apps: a model is not the pinned one (SHA-256 differs)\n' >&2; exit 1; }
fi
cp "$here/MODEL_CARD.md" "$release/"
[[ ! -f $here/app.toml ]] || cp "$here/app.toml" "$release/"
printf 'apps: release is ready (%s)\n' "$release"
