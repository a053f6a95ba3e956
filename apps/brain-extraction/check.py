"""Checks the converted model: against the original's arithmetic, and on a real head lying in several ways.

`golden.json` holds what this very pipeline measured when the app was made, so that a change of model, preparation or
ONNX Runtime shows. `pipeline` is also the plain statement of how a volume becomes the model's input and a mask.

Usage: check.py MODEL.onnx WHEEL BRAIN_FOLDER [--all | --write]
           (the wheel of deepbrain 0.1; --all: every series; --write: all, and writes golden.json)
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

from convert import read_graph
from graph_def import Graph
from original import evaluate
from volumes import Volume, dice, nearest, read_nifti, read_series, resized, to_ras

SIDE = 128
THRESHOLD = 0.5
GOLDEN = Path(__file__).with_name("golden.json")
# Two sums of the same products in another order, through ten layers.
ORIGINAL_OFF_MAX = 1e-4
DICE_OFF_MAX, ML_OFF_MAX = 0.002, 3.0
QUICK = ("mirrored", "oblique")


def off_original(model: Path, wheel: Path) -> float:
    """The greatest difference between the model and the original's arithmetic, on noise of 32 voxels a side."""
    image = np.random.default_rng(7).random((1, 32, 32, 32, 1), dtype=np.float32)
    expected = evaluate(Graph(read_graph(wheel)), image)[..., 0]
    free = onnx.load(model)
    for value in (*free.graph.input, *free.graph.output):
        for dimension in value.type.tensor_type.shape.dim[2:]:
            dimension.dim_param = f"free{dimension.dim_value}"
    session = onnxruntime.InferenceSession(free.SerializeToString())
    (got,) = session.run(["probability"], {"image": image.transpose(0, 4, 1, 2, 3)})
    return float(np.abs(got[:, 0] - expected).max())


def pipeline(session: onnxruntime.InferenceSession, volume: Volume) -> Volume:
    """A brain mask on the grid of a volume that runs right, anterior, superior."""
    image = resized(volume.voxels, (SIDE,) * 3)
    image /= image.max()
    (probability,) = session.run(["probability"], {"image": image[None, None]})
    return Volume(resized(probability[0, 0], volume.voxels.shape) >= THRESHOLD, volume.affine)


def measure(session: onnxruntime.InferenceSession, folder: Path, name: str) -> dict:
    """Dice against the reference mask, both on the series' own voxels, and the volume in millilitres."""
    volume = to_ras(read_series(folder / name))
    started = time.monotonic()
    mask = pipeline(session, volume)
    seconds = time.monotonic() - started
    reference = nearest(read_nifti(folder / "reference-mask.nii.gz"), mask) > 0
    print(f"        {name:10} {seconds:.1f} s")
    overlap = round(dice(mask.voxels, reference), 4)
    mirrored = round(dice(mask.voxels, np.flip(reference, 0)), 4)
    return {"dice": overlap, "ml": round(float(mask.voxels.sum()) * mask.voxel_ml, 1), "dice_if_mirrored": mirrored}


def main(model: Path, wheel: Path, folder: Path, option: str) -> int:
    """Prints one line for each check and returns the number of those that failed."""
    off = off_original(model, wheel)
    failed = int(not off <= ORIGINAL_OFF_MAX)
    print(f"{'FAILED' if failed else 'ok':7} the original's arithmetic, off by {off:.1e} at most")
    names = [series["folder"] for series in json.loads((folder / "brain.json").read_text())["series"]]
    session = onnxruntime.InferenceSession(model.read_bytes())
    measured = {name: measure(session, folder, name) for name in names if option or name in QUICK}
    if option == "--write":
        GOLDEN.write_text(json.dumps({"series": measured}, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())["series"]
    for name, got in measured.items():
        expected = golden[name]
        bad = not (
            abs(got["dice"] - expected["dice"]) <= DICE_OFF_MAX and abs(got["ml"] - expected["ml"]) <= ML_OFF_MAX
        )
        failed += bad
        print(f"{'FAILED' if bad else 'ok':7} {name:10} expected {expected} got {got}")
    print(f"check: {len(measured)} series, {failed} failed")
    return failed + (len(measured) < len(QUICK))


if __name__ == "__main__":
    if len(sys.argv) not in (4, 5):
        raise SystemExit(__doc__)
    raise SystemExit(min(main(*(Path(argument) for argument in sys.argv[1:4]), "".join(sys.argv[4:])), 1))
