#!/usr/bin/env bash
# Takes out real ultrasound images that have made-up names and numbers burned into their pixels, in
# $LIGHTBOX_CACHE/burned-in/:
#
#   greyscale-image.dcm  rgb-image.dcm  greyscale-cine.dcm     from the package deid-data, as they are (MIT)
#
# A run that finds all files as it left them does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
folder=$LIGHTBOX_CACHE/burned-in

stamp() { sha256sum "$here/prepare.sh" | cut -d' ' -f1; }
is_ready() {
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$(stamp)" ]] && (cd "$folder" && sha256sum --check --status SHA256SUMS)
}

mkdir -p "$LIGHTBOX_CACHE"
exec 9>"$LIGHTBOX_CACHE/.burned-in.lock"
flock 9
if ! is_ready; then
    "$root/setup/python.sh"
    package=$("$root/setup/sdist.sh" deid-data 0.0.20 33d455f13c82f76a39e8eb52d2808a35d7cde29c120819e246c863432281b8ed)
    part=$folder.part
    rm -rf "$part" "$folder.old"
    mkdir -p "$part"
    # Nothing of the package is installed or run: it holds the images, one of them in a zip.
    "$LIGHTBOX_CACHE/venv/bin/python" - "$package" "$part" <<'PYTHON'
import io, pathlib, sys, tarfile, zipfile

TAKEN = {"GREYSCALE_IMAGE.dcm": "greyscale-image.dcm", "RGB_IMAGE.dcm": "rgb-image.dcm"}
with tarfile.open(sys.argv[1]) as archive:
    def read(name):
        return archive.extractfile(f"deid-data-0.0.20/deid_data/data/ultrasounds/{name}").read()

    folder = pathlib.Path(sys.argv[2])
    for name, target in TAKEN.items():
        (folder / target).write_bytes(read(name))
    with zipfile.ZipFile(io.BytesIO(read("GREYSCALE_CINE.zip"))) as inner:
        (folder / "greyscale-cine.dcm").write_bytes(inner.read("GREYSCALE_CINE.dcm"))
PYTHON
    (cd "$part" && sha256sum -- *.dcm >SHA256SUMS)
    stamp >"$part/.stamp"
    [[ ! -d $folder ]] || mv "$folder" "$folder.old"
    mv "$part" "$folder"
    rm -rf "$folder.old"
fi
printf 'burned-in: %s images are ready (%s)\n' "$(find "$folder" -name '*.dcm' | wc -l)" "$folder"
