"""Decodes the photographs that the sample films were made from, for comparison.

Usage: python source_greys.py OUT_DIR DOWNLOADS FILM...
Writes OUT_DIR/N.grey, 8 bits a pixel, for each film whose source is in the downloaded package.
"""

import io
import json
import sys
import zipfile
from pathlib import Path

from PIL import Image

out, downloads, films = Path(sys.argv[1]), Path(sys.argv[2]), [Path(film) for film in sys.argv[3:]]
listing = json.loads((films[0].parent / "samples.json").read_text())
sources = {sample["file"]: sample["source"] for sample in listing["samples"]}
package = zipfile.ZipFile(next(downloads.glob("pneumonia_model_package-0.3.0*.whl")))
members = {Path(name).name: name for name in package.namelist()}
for number, film in enumerate(films):
    member = members.get(sources[film.name])
    if member:
        photograph = Image.open(io.BytesIO(package.read(member))).convert("L")
        (out / f"{number}.grey").write_bytes(photograph.tobytes())
