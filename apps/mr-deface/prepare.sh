#!/usr/bin/env bash
# Makes the release folder of this app: $LIGHTBOX_CACHE/apps/mr-deface-2.1.2/ with model and model card.
# The model is converted from the author's package, because its weights do not belong in git.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox} PYTHONDONTWRITEBYTECODE=1
release=$LIGHTBOX_CACHE/apps/mr-deface-2.1.2
sha256=d4bc4fe17e3ff5c4be594c48a391fc79ded8928c418909821c3ca82c65135d7e

is_pinned() { printf '%s  %s\n' "$sha256" "$1" | sha256sum --check --status; }

mkdir -p "$release"
if [[ ! -f $release/model.onnx ]] || ! is_pinned "$release/model.onnx"; then
    "$root/setup/python.sh"
    package=$("$root/setup/sdist.sh" deepdefacer 2.1.2 6dda7723cf006bcc157f746e348287f5d1dd361f764a74b830cbcc3afafdbe28)
    printf 'apps: converting the model of %s …\n' "${release##*/}"
    "$LIGHTBOX_CACHE/venv/bin/python" "$here/convert.py" "$package" "$release/model.onnx"
    is_pinned "$release/model.onnx" \
        || { printf 'apps: the converted model is not the pinned one (SHA-256 differs)\n' >&2; exit 1; }
fi
cp "$here/MODEL_CARD.md" "$release/"
[[ ! -f $here/app.toml ]] || cp "$here/app.toml" "$release/"
printf 'apps: release is ready (%s)\n' "$release"
