"""Checks the converted model: against the original's arithmetic, and on a real head lying in several ways.

`golden.json` holds what this very pipeline measured when the app was made. `pipeline` is also the plain statement of how
a volume becomes the model's input and a mask of what is kept.

Usage: check.py MODEL.onnx SDIST BRAIN_FOLDER [--all | --write]
           (the source distribution of deepdefacer 2.1.2; --all: both series; --write: both, and writes golden.json)
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import onnx
import onnxruntime

from convert import read_keras
from original import evaluate
from volumes import Volume, levelled, nearest, read_nifti, read_series, resized, to_ras

SIDE = 160
THRESHOLD = 0.5
GOLDEN = Path(__file__).with_name("golden.json")
# Two sums of the same products in another order, through twenty layers.
ORIGINAL_OFF_MAX = 1e-4
SHARE_OFF_MAX = 0.005
SERIES, QUICK = ("axial", "oblique"), ("axial",)
# Of the head that is not air; air in MR is nearly black.
HEAD_FROM = 20
# Where the nose and the cheeks are in this head, whose scan ends above the mouth (RAS, mm): in front of and below this.
FACE_FRONT_MM, FACE_BELOW_MM = 60.0, -30.0
BRAIN_KEPT_MIN = 0.99
# The oblique series has more air around the head and thicker slices, and there the model leaves a fifth of the face: a
# failure that the model card tells of, and no aim. The bar only shows if it gets worse.
FACE_REMOVED_MIN = {"axial": 0.99, "oblique": 0.75}


def off_original(model: Path, sdist: Path) -> float:
    """The greatest difference between the model and the original's arithmetic, on noise of 32 voxels a side."""
    image = np.random.default_rng(7).random((1, 32, 32, 32), dtype=np.float32)
    with h5py.File(read_keras(sdist), "r") as keras:
        expected = evaluate(keras, image)
    free = onnx.load(model)
    for value in (*free.graph.input, *free.graph.output):
        for dimension in value.type.tensor_type.shape.dim[2:]:
            dimension.dim_param = f"free{dimension.dim_value}"
    session = onnxruntime.InferenceSession(free.SerializeToString())
    (got,) = session.run(["keep"], {"image": image[None]})
    return float(np.abs(got[0] - expected).max())


def pipeline(session: onnxruntime.InferenceSession, volume: Volume) -> np.ndarray:
    """What is kept, a mask on the volume's own grid. The head must be level: tilted by 20 degrees it is not recognised."""
    level = levelled(volume)
    image = resized(level.voxels, (SIDE,) * 3)
    image = (image - image.min()) / (image.max() - image.min() + 1e-7)
    (keep,) = session.run(["keep"], {"image": image[None, None]})
    kept = resized((keep[0, 0] >= THRESHOLD).astype(np.float32), level.voxels.shape) >= 0.5
    return nearest(Volume(kept, level.affine), volume) > 0


def measure(session: onnxruntime.InferenceSession, folder: Path, name: str) -> dict:
    """How much of the head is removed, of the face, and how much of the brain is kept."""
    volume = to_ras(read_series(folder / name))
    started = time.monotonic()
    keep = pipeline(session, volume)
    print(f"        {name:10} {time.monotonic() - started:.1f} s")
    places = np.tensordot(volume.affine[:3, :3], np.indices(keep.shape), axes=1) + volume.affine[:3, 3][:, None, None, None]
    brain = nearest(read_nifti(folder / "reference-mask.nii.gz"), volume) > 0
    head = volume.voxels >= HEAD_FROM
    face = head & (places[1] >= FACE_FRONT_MM) & (places[2] <= FACE_BELOW_MM)
    return {
        "removed_voxels_of_head": int((head & ~keep).sum()),
        "head_removed": share(~keep, head),
        "face_removed": share(~keep, face),
        "brain_kept": share(keep, brain),
    }


def share(mask: np.ndarray, of: np.ndarray) -> float:
    """How much of one mask lies in another."""
    return round(float((mask & of).sum() / of.sum()), 4)


def main(model: Path, sdist: Path, folder: Path, option: str) -> int:
    """Prints one line for each check and returns the number of those that failed."""
    off = off_original(model, sdist)
    failed = int(not off <= ORIGINAL_OFF_MAX)
    print(f"{'FAILED' if failed else 'ok':7} the original's arithmetic, off by {off:.1e} at most")
    session = onnxruntime.InferenceSession(model.read_bytes())
    measured = {name: measure(session, folder, name) for name in SERIES if option or name in QUICK}
    if option == "--write":
        GOLDEN.write_text(json.dumps({"series": measured}, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())["series"]
    for name, got in measured.items():
        expected = golden[name]
        moved = max(abs(got[each] - expected[each]) for each in ("head_removed", "face_removed", "brain_kept"))
        is_good = got["brain_kept"] >= BRAIN_KEPT_MIN and got["face_removed"] >= FACE_REMOVED_MIN[name]
        bad = not (is_good and moved <= SHARE_OFF_MAX)
        failed += bad
        print(f"{'FAILED' if bad else 'ok':7} {name:10} {got}")
    print(f"check: {len(measured)} series, {failed} failed")
    return failed + (len(measured) < len(QUICK))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    raise SystemExit(min(main(*(Path(argument) for argument in sys.argv[1:4]), "".join(sys.argv[4:])), 1))
