#!/usr/bin/env bash
# Makes MR series of a real head, in $LIGHTBOX_CACHE/brain/:
#
#   axial/ sagittal/ coronal/ mirrored/ oblique/    the same head, lying differently in each series
#   reference-mask.nii.gz                           its brain, in patient coordinates
#   brain.json                                      what is in each
#
# A run that finds all files as it left them does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
folder=$LIGHTBOX_CACHE/brain

stamp() { cat "$here/make.py" "$here/volumes.py" "$here/prepare.sh" "$root/setup/requirements.txt" | sha256sum | cut -d' ' -f1; }
is_ready() {
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$(stamp)" ]] && (cd "$folder" && sha256sum --check --status SHA256SUMS)
}

mkdir -p "$LIGHTBOX_CACHE"
exec 9>"$LIGHTBOX_CACHE/.brain.lock"
flock 9
if ! is_ready; then
    "$root/setup/python.sh"
    package=$("$root/setup/deb.sh" mricron-data 1.2.20211006+dfsg-4 \
        d40aa0ed66cf89bf6cafa049ad3884703c9d975c2ee2737525b7196528df9d6f)
    # Made beside the old ones and put in place at the end, so that nobody sees half a set.
    part=$folder.part
    rm -rf "$part" "$folder.old"
    mkdir -p "$part/package"
    dpkg-deb --extract "$package" "$part/package"
    printf 'brain: writing five MR series …\n'
    PYTHONDONTWRITEBYTECODE=1 "$LIGHTBOX_CACHE/venv/bin/python" "$here/make.py" \
        "$part/package/usr/share/mricron/templates" "$part"
    rm -rf "$part/package"
    (cd "$part" && find . -type f ! -name SHA256SUMS | sort | xargs sha256sum >SHA256SUMS)
    stamp >"$part/.stamp"
    [[ ! -d $folder ]] || mv "$folder" "$folder.old"
    mv "$part" "$folder"
    rm -rf "$folder.old"
fi
printf 'brain: %s images are ready (%s)\n' "$(find "$folder" -name '*.dcm' | wc -l)" "$folder"
