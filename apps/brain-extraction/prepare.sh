#!/usr/bin/env bash
# Makes the release folder of this app: $LIGHTBOX_CACHE/apps/brain-extraction-0.1.0/ with model and model card.
# The model is converted from the author's package, because its weights do not belong in git.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
release=$LIGHTBOX_CACHE/apps/brain-extraction-0.1.0
sha256=1b7d88e477fbf013ba1983296f0d825e28f550863ff92e2a4b39745734a26e40

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

mkdir -p "$release"
if [[ ! -f $release/model.onnx ]] || ! is_pinned "$release/model.onnx"; then
    "$root/setup/python.sh"
    wheel=$("$root/setup/wheel.sh" deepbrain 0.1 87c10e8cf906977dfc828320fb0c319e6ff4de460235cfe33a1c04906a8890de)
    printf 'apps: converting the model of %s …\n' "${release##*/}"
    "$LIGHTBOX_CACHE/venv/bin/python" "$here/convert.py" "$wheel" "$release/model.onnx"
    is_pinned "$release/model.onnx" \
        || { printf 'apps: the converted model is not the pinned one (SHA-256 differs)\n' >&2; exit 1; }
fi
cp "$here/MODEL_CARD.md" "$release/"
[[ ! -f $here/app.toml ]] || cp "$here/app.toml" "$release/"
printf 'apps: release is ready (%s)\n' "$release"
