"""Takes the three models out of the wheel of rapidocr-onnxruntime, and the reader's characters out of its model.

Usage: take.py WHEEL FOLDER
"""

from __future__ import annotations

import os
import sys
import zipfile
from pathlib import Path

import onnx

MODELS = {
    "ch_PP-OCRv4_det_infer.onnx": "detect.onnx",
    "ch_ppocr_mobile_v2.0_cls_infer.onnx": "turn.onnx",
    "ch_PP-OCRv4_rec_infer.onnx": "read.onnx",
}


def put(file: Path, content: bytes) -> None:
    """Writes a file in one step, so that a stopped run leaves none behind."""
    part = file.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, file)


def characters(model: bytes) -> list[str]:
    """What the reader can read, in the order of its classes 1 to n; class 0 is no character, class n + 1 a space."""
    (listed,) = (each.value for each in onnx.load_from_string(model).metadata_props if each.key == "character")
    return listed.splitlines()


def main(wheel: Path, folder: Path) -> None:
    """Writes the models and one character a line."""
    with zipfile.ZipFile(wheel) as archive:
        for name, target in MODELS.items():
            model = archive.read(f"rapidocr_onnxruntime/models/{name}")
            put(folder / target, model)
            if target == "read.onnx":
                put(folder / "characters.txt", "".join(f"{each}\n" for each in characters(model)).encode())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
