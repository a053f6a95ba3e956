"""Checks that the model says of the DICOM slices what the author's own package says of the pictures they were made from.

The expected probabilities in `golden.json` come from the package itself, run on the JPEG files; this reads the DICOM
objects and prepares them as `prepared` says, which is also the plain statement of the model's input.

Usage: check.py MODEL.onnx SLICES_FOLDER HEAD_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image
from pydicom import dcmread

from volumes import read_series, to_ras

SIDE = 240
CLASSES = ("glioma", "meningioma", "notumor", "pituitary")
TOLERANCE = 1e-4


def prepared(greys: np.ndarray) -> np.ndarray:
    """Rows x columns of greys 0-255 as 240 x 240 x 3 values 0-1: resized without regard to shape, channels alike.

    Pillow's BICUBIC, which is its default and the package's: cubic convolution (a = -0.5), widened when the size falls,
    rounded to whole greys.
    """
    image = Image.fromarray(greys.astype("u1")).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.repeat(np.asarray(image, dtype=np.float32)[:, :, None] / 255, 3, axis=2)


def probabilities(session: onnxruntime.InferenceSession, greys: np.ndarray) -> dict[str, float]:
    """What the model says, by class."""
    (outputs,) = session.run(["dense_3"], {"input": prepared(greys)[None]})
    return {name: round(float(value), 6) for name, value in zip(CLASSES, outputs[0], strict=True)}


def head_slice(folder: Path) -> np.ndarray:
    """A slice through the middle of a healthy head from elsewhere: nothing of the data set's kind, and no tumour."""
    volume = to_ras(read_series(folder / "axial"))
    middle = volume.voxels[:, ::-1, volume.voxels.shape[2] // 2].T
    return np.clip(middle, 0, 255)


def main(model: Path, slices: Path, head: Path) -> int:
    """Prints one line for each slice and returns the number of those that failed."""
    golden = json.loads(Path(__file__).with_name("golden.json").read_text())
    session = onnxruntime.InferenceSession(model.read_bytes())
    cases = [
        (part["source"], part["label"], dcmread(slices / part["file"]).pixel_array)
        for part in json.loads((slices / "slices.json").read_text())["slices"]
    ]
    synthetic = [
        ("constant_128", None, np.full((SIDE, SIDE), 128)),
        ("healthy_head", None, head_slice(head)),
    ]
    failed = right = 0
    for name, label, greys in (*cases, *synthetic):
        got, expected = probabilities(session, greys), golden["probabilities"][name]
        off = max(abs(got[each] - expected[each]) for each in CLASSES)
        failed += not off <= TOLERANCE
        says = max(got, key=got.get)
        right += says == label
        print(f"{'ok' if off <= TOLERANCE else 'FAILED':7} {name:16} {label or '-':11} says {says:11} {got[says]:.4f}")
    failed += right != golden["right_of_17"]
    print(f"check: {right} of {len(cases)} slices named as in the data set; {failed} failed")
    return failed + (len(cases) != 17)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    raise SystemExit(min(main(*(Path(argument) for argument in sys.argv[1:4])), 1))
