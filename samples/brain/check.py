"""Checks that the series of the head lie where they say: the head and the marker must be where the original has them.

Usage: check.py FOLDER TEMPLATES      (needs dicom3tools' dciodvfy in PATH)
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from volumes import Volume, interpolated, read_nifti, read_series, to_ras

# The oblique series was interpolated once to make it; read back at the original's voxels it is a little smoother.
GREYS_OFF_MAX = {"axial": 1e-3, "sagittal": 1e-3, "coronal": 1e-3, "mirrored": 1e-3, "oblique": 4.0}
MARKER_OFF_MM = 1.0
POINTS = 200_000


def points_in_head(head: Volume) -> np.ndarray:
    """Places (RAS, mm) of voxels of the head, well inside the volume; the same in every run."""
    inside = np.argwhere(head.voxels[20:-20, 20:-20, 20:-20] > 0) + 20
    chosen = np.random.default_rng(1).choice(len(inside), POINTS, replace=False)
    index = np.column_stack([inside[chosen], np.ones(POINTS)])
    return head.affine @ index.T


def greys_off(volume: Volume, head: Volume, points: np.ndarray) -> float:
    """How far the series' values are from the original's at the same places in the patient, on average."""
    here = interpolated(volume.voxels, (np.linalg.inv(volume.affine) @ points)[:3])
    there = interpolated(head.voxels, (np.linalg.inv(head.affine) @ points)[:3])
    return float(np.abs(here - there).mean())


def marker(volume: Volume, described: dict) -> np.ndarray:
    """The centre (RAS, mm) of what is bright within 15 mm of where the marker should be."""
    index = np.stack(np.meshgrid(*(np.arange(size) for size in volume.voxels.shape), indexing="ij"))
    places = np.tensordot(volume.affine[:3, :3], index, axes=1) + volume.affine[:3, 3][:, None, None, None]
    away = np.linalg.norm(places - np.array(described["marker_ras_mm"])[:, None, None, None], axis=0)
    bright = (volume.voxels > 125) & (away < 15)
    return places[:, bright].mean(axis=1)


def iod_errors(file: Path) -> list[str]:
    """dciodvfy's errors."""
    run = subprocess.run(["dciodvfy", file], capture_output=True, text=True)
    return [line for line in (run.stdout + run.stderr).splitlines() if line.startswith(("Error", "Abort"))]


def problems_of(series: dict, folder: Path, head: Volume, described: dict) -> list[str]:
    """What is wrong with one series; nothing if all is well."""
    found = iod_errors(next((folder / series["folder"]).glob("*.dcm")))
    volume = to_ras(read_series(folder / series["folder"]))
    off = greys_off(volume, head, points_in_head(head))
    if not off <= GREYS_OFF_MAX[series["folder"]]:
        found.append(f"greys are off by {off:.2f} on average")
    away = np.linalg.norm(marker(volume, described) - described["marker_ras_mm"])
    if not away <= MARKER_OFF_MM:
        found.append(f"the marker is {away:.1f} mm from where it should be")
    return found


def main(folder: Path, templates: Path) -> int:
    """Prints one line for each series and returns the number of bad ones."""
    described = json.loads((folder / "brain.json").read_text())
    head = read_nifti(templates / "ch2.nii.gz")
    failed = 0
    for series in described["series"]:
        found = problems_of(series, folder, head, described)
        failed += bool(found)
        print(f"{'FAILED' if found else 'ok':7} {series['folder']:10} {series['words']}; {'; '.join(found)}")
    print(f"check: {len(described['series'])} series, {failed} failed")
    return failed + (len(described["series"]) != 5)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    raise SystemExit(min(main(Path(sys.argv[1]), Path(sys.argv[2])), 1))
