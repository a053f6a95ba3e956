#!/usr/bin/env bash
# Makes one object of each specialty beside radiology, in $LIGHTBOX_CACHE/specialties/:
#
#   eye-fundus.dcm           a real fundus photograph, public domain, with an invented header (OP)
#   eye-tomography.dcm       a drawn volume of several frames (OPT)
#   tooth-intraoral.dcm      a drawn dental film (IO)
#   tooth-panoramic.dcm      a drawn panoramic film (PX)
#   specialties.json         what is in each
#
# A run that finds all files as it left them does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
folder=$LIGHTBOX_CACHE/specialties

stamp() { cat "$here"/*.py "$here/prepare.sh" "$root/setup/requirements.txt" | sha256sum | cut -d' ' -f1; }
is_ready() {
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$(stamp)" ]] && (cd "$folder" && sha256sum --check --status SHA256SUMS)
}

mkdir -p "$LIGHTBOX_CACHE"
exec 9>"$LIGHTBOX_CACHE/.specialties.lock"
flock 9
if ! is_ready; then
    "$root/setup/python.sh"
    # Nothing of it is installed: it holds the photograph.
    wheel=$("$root/setup/wheel.sh" scikit-image 0.18.3 \
        bfa6eb04dc0b8773043f9994eccd8c517d713cd0f9e960dcb6754e19c1abceb1 \
        cp39-cp39-manylinux_2_12_x86_64.manylinux2010_x86_64)
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
printf 'specialties: %s objects are ready (%s)\n' "$(find "$folder" -maxdepth 1 -name '*.dcm' | wc -l)" "$folder"
