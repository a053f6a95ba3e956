"""Checks the samples with other people's DICOM code: pydicom and dcmtk must see each film's greys, dciodvfy no error.

The display pipeline is written out here from PS3.3 with pydicom's functions and does not use what wrote the samples.

Usage: check.py FOLDER WHEEL       (needs dcmtk's dcmdjpeg and dicom3tools' dciodvfy in PATH)
"""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmread
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEGLosslessSV1

FILMS = "pneumonia_model_package/datasets/pneumonia-data/val/"


def display_greys(dataset: Dataset) -> np.ndarray:
    """Stored values to 8-bit greys: modality, then VOI, then photometric interpretation (PS3.4 N.2)."""
    modality = apply_modality_lut(dataset.pixel_array, dataset)
    shown = apply_voi_lut(modality, dataset).astype(np.float64)
    low, high = voi_range(dataset)
    greys = np.rint((shown - low) / (high - low) * 255)
    return 255 - greys if dataset.PhotometricInterpretation == "MONOCHROME1" else greys


def voi_range(dataset: Dataset) -> tuple[float, float]:
    """The range into which pydicom's VOI functions map."""
    if "VOILUTSequence" in dataset:
        return 0, 2 ** dataset.VOILUTSequence[0].LUTDescriptor[2] - 1
    if "ModalityLUTSequence" in dataset:
        return 0, 2 ** dataset.ModalityLUTSequence[0].LUTDescriptor[2] - 1
    low, high = 0, 2**dataset.BitsStored - 1
    if dataset.PixelRepresentation == 1:
        low, high = -(2 ** (dataset.BitsStored - 1)), 2 ** (dataset.BitsStored - 1) - 1
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    return low * slope + intercept, high * slope + intercept


def read(file: Path, scratch: Path) -> Dataset:
    """Reads a sample; dcmtk decompresses the one syntax that pydicom has no free decoder for."""
    dataset = dcmread(file)
    if dataset.file_meta.TransferSyntaxUID == JPEGLosslessSV1:
        subprocess.run(["dcmdjpeg", file, scratch / "plain.dcm"], check=True)
        return dcmread(scratch / "plain.dcm")
    return dataset


def iod_errors(file: Path, scratch: Path) -> list[str]:
    """dciodvfy's errors; it does not inflate, so a deflated file is written plainly for it."""
    dataset = dcmread(file)
    if dataset.file_meta.TransferSyntaxUID == DeflatedExplicitVRLittleEndian:
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        file = scratch / "inflated.dcm"
        dataset.save_as(file)
    run = subprocess.run(["dciodvfy", file], capture_output=True, text=True)
    lines = (run.stdout + run.stderr).splitlines()
    return [line for line in lines if line.startswith(("Error", "Abort"))]


def problems_of(sample: dict, folder: Path, films: zipfile.ZipFile, scratch: Path) -> list[str]:
    """What is wrong with one film; nothing if all is well."""
    file = folder / sample["file"]
    found = iod_errors(file, scratch)
    with Image.open(io.BytesIO(films.read(FILMS + sample["source"]))) as image:
        expected = np.asarray(image.convert("L"))
    off = np.abs(display_greys(read(file, scratch)) - expected).max()
    if off > 0:
        found.append(f"greys differ from the film by up to {off:.0f}")
    return found


def main(folder: Path, wheel: Path) -> int:
    """Prints one line for each film and returns the number of bad ones."""
    samples = json.loads((folder / "samples.json").read_text())["samples"]
    films = [sample for sample in samples if sample["expected_outcome"] == "finding"]
    failed = 0
    with zipfile.ZipFile(wheel) as archive, tempfile.TemporaryDirectory() as scratch:
        for sample in films:
            found = problems_of(sample, folder, archive, Path(scratch))
            failed += bool(found)
            print(f"{'FAILED' if found else 'ok':7} {sample['file']:24} {sample['encoding']:26} {'; '.join(found)}")
    print(f"check: {len(films)} films, {failed} failed")
    return failed + (len(films) != 16)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    raise SystemExit(min(main(Path(sys.argv[1]), Path(sys.argv[2])), 1))
