#!/usr/bin/env bash
# Makes the samples that the demo and the tests send, in $LIGHTBOX_CACHE/samples/:
#
#   film-NN-{normal,pneumonia}.dcm   sixteen real chest films of children, each in another DICOM encoding
#   rg1.dcm                          a real adult chest radiograph, which the app must refuse
#   samples.json                     what is in each, and the outcome that is right
#   odd/                             broken and hostile objects, described in odd/odd.json
#
# Real images stay out of git. A run that finds all files as it left them does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
folder=$LIGHTBOX_CACHE/samples
golden=$root/apps/cxr-pneumonia/golden.json

stamp() { cat "$here"/*.py "$here/prepare.sh" "$golden" "$root/setup/requirements.txt" | sha256sum | cut -d' ' -f1; }
is_ready() {
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$(stamp)" ]] && (cd "$folder" && sha256sum --check --status SHA256SUMS)
}

mkdir -p "$LIGHTBOX_CACHE"
exec 9>"$LIGHTBOX_CACHE/.samples.lock"
flock 9
if ! is_ready; then
    "$root/setup/python.sh"
    films=$("$root/setup/wheel.sh" pneumonia-model-package 0.3.0 \
        4bb1ee80366db5de818c7255e62878871b8ec545681193f429e2575b791d3536)
    adult=$("$root/setup/wheel.sh" pydicom-data 1.0.0 \
        622ac97265f1d91f76b5120b5bd6eb0f57737c392ef863b72c71779c91e33637)
    # Made beside the old ones and put in place at the end, so that nobody sees half a set.
    part=$folder.part
    rm -rf "$part" "$folder.old"
    mkdir -p "$part"
    printf 'samples: writing 16 films as DICOM …\n'
    "$LIGHTBOX_CACHE/venv/bin/python" "$here/films.py" "$films" "$golden" "$adult" "$part"
    "$LIGHTBOX_CACHE/venv/bin/python" "$here/odd.py" "$part/film-09-pneumonia.dcm" "$part/odd"
    (cd "$part" && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum >SHA256SUMS)
    stamp >"$part/.stamp"
    [[ ! -d $folder ]] || mv "$folder" "$folder.old"
    mv "$part" "$folder"
    rm -rf "$folder.old"
fi
printf 'samples: %s images are ready (%s)\n' "$(find "$folder" -maxdepth 1 -name '*.dcm' | wc -l)" "$folder"
