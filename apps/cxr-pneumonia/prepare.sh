#!/usr/bin/env bash
# Makes the release folder of this app: $LIGHTBOX_CACHE/apps/cxr-pneumonia-0.1.0/ with app.toml, model,
# model card and golden cases.
# The model is converted from the author's package, because its weights do not belong in git.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cache=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
export LIGHTBOX_CACHE=$cache

of_manifest() { sed -n "s/^$1 = \"\(.*\)\"$/\1/p" "$here/app.toml"; }
is_pinned() { printf '%s  %s\n' "$(of_manifest sha256)" "$1" | sha256sum --check --status; }

release=$cache/apps/$(of_manifest id | head -1)-$(of_manifest release)
mkdir -p "$release"
if [[ ! -f $release/model.onnx ]] || ! is_pinned "$release/model.onnx"; then
    "$root/setup/python.sh"
    wheel=$("$root/setup/wheel.sh" pneumonia-model-package 0.1.0 \
        b9e0380970862b07a4dfbe0d4183942401d39671d1fd175c4d6636918cd2e5c8)
    printf 'apps: converting the model of %s …\n' "${release##*/}"
    "$cache/venv/bin/python" "$here/convert.py" "$wheel" "$release/model.onnx"
    is_pinned "$release/model.onnx" \
        || { printf 'apps: the converted model is not the one that app.toml pins (SHA-256 differs)\n' >&2; exit 1; }
fi
"$root/samples/prepare.sh"
rm -rf "$release/golden" "$release/manifest.toml"
mkdir "$release/golden"
cp "$here/app.toml" "$here/MODEL_CARD.md" "$release/"
cp "$here"/golden/*.toml "$release/golden/"
# The films themselves stay out of git, too.
sed -n 's/^file = "\(.*\)"$/\1/p' "$here"/golden/*.toml \
    | while read -r film; do cp "$cache/samples/$film" "$release/golden/"; done
printf 'apps: release is ready (%s)\n' "$release"
