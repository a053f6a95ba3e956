"""Checks that `reading.py` finds and reads what the author's own package reads, and every identifier that was planted.

`golden.json` holds what rapidocr-onnxruntime 1.4.4 itself gives for the first frame of each image: text, score and box.
A text counts as read if it is the same, spaces aside, in a box that overlaps.

Usage: check.py RELEASE_FOLDER BURNED_IN_FOLDER RG1.dcm
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from reading import Reader, Text

GOLDEN = Path(__file__).with_name("golden.json")
OVERLAP_MIN = 0.5
# The package cuts lines out along boxes that lie askew by a fraction of a degree and reads several at a time, padded to the
# longest of them, so a faint line can read differently.
SAME_TEXT_MIN = 0.9


def blue_green_red(dataset: Dataset) -> np.ndarray:
    """The first frame as rows x columns x 3 values 0-255 as displayed."""
    pixels = dataset.pixel_array
    if int(dataset.get("NumberOfFrames", 1)) > 1:
        pixels = pixels[0]
    if dataset.SamplesPerPixel == 3:
        return pixels[:, :, ::-1]
    if dataset.BitsStored > 8:
        shown = apply_voi_lut(apply_modality_lut(pixels, dataset), dataset).astype(float)
        pixels = np.rint((shown - shown.min()) / (shown.max() - shown.min()) * 255)
    if dataset.PhotometricInterpretation == "MONOCHROME1":
        pixels = 255 - pixels
    return np.repeat(pixels[:, :, None], 3, axis=2)


def overlap(one: tuple, other: tuple) -> float:
    """Twice the shared area over the sum of both: 1 is the same box."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    shared = max(wide, 0) * max(high, 0)
    return shared / sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)) * 2 if shared else 0.0


def is_read(expected: dict, found: list[Text]) -> bool:
    """Whether one text of the package is among those found."""
    return any(
        text.text.replace(" ", "") == expected["text"].replace(" ", "") and overlap(text.box, expected["box"]) >= OVERLAP_MIN
        for text in found
    )


def problems_of(golden: dict, found: list[Text]) -> list[str]:
    """What is wrong with the reading of one image; nothing if all is well."""
    read = "".join(text.text for text in found).replace(" ", "").upper()
    wrong = [f"did not read {word!r}" for word in golden["planted"] if word not in read]
    same = sum(is_read(expected, found) for expected in golden["texts"])
    if same < SAME_TEXT_MIN * len(golden["texts"]):
        wrong.append(f"only {same} of the package's {len(golden['texts'])} texts are the same")
    if not golden["texts"] and found:
        wrong.append(f"read {[text.text for text in found]} where there is nothing")
    return wrong


def main(release: Path, images: Path, rg1: Path) -> int:
    """Prints one line for each image and returns the number of bad ones."""
    golden = json.loads(GOLDEN.read_text())["images"]
    reader = Reader(release)
    failed = 0
    for name, expected in golden.items():
        dataset = dcmread(rg1 if name == "rg1.dcm" else images / name)
        started = time.monotonic()
        found = reader(blue_green_red(dataset))
        wrong = problems_of(expected, found)
        failed += bool(wrong)
        seconds = time.monotonic() - started
        print(f"{'FAILED' if wrong else 'ok':7} {name:20} {len(found):3} texts in {seconds:.1f} s {'; '.join(wrong)}")
    print(f"check: {len(golden)} images, {failed} failed")
    return failed + (len(golden) != 4)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    raise SystemExit(min(main(*(Path(argument) for argument in sys.argv[1:4])), 1))
