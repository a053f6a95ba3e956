"""Writes one object of each specialty beside radiology, and what is in it.

Usage: make.py SCIKIT_IMAGE_WHEEL FOLDER      (writes *.dcm and specialties.json into FOLDER)
"""

from __future__ import annotations

import hashlib
import json
import sys
import zipfile
from pathlib import Path

from pydicom.dataset import Dataset

import eyes
import teeth

FUNDUS = "skimage/data/retina.jpg"


def describe(name: str, dataset: Dataset, file: Path) -> dict:
    """What a test must know of an object, without reading DICOM."""
    return {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "is_real": name == "eye-fundus",
        "modality": dataset.Modality,
        "sop_class_uid": dataset.SOPClassUID,
        "transfer_syntax_uid": dataset.file_meta.TransferSyntaxUID,
        "sop_instance_uid": dataset.SOPInstanceUID,
        "series_instance_uid": dataset.SeriesInstanceUID,
        "study_instance_uid": dataset.StudyInstanceUID,
        "patient_id": dataset.PatientID,
        "frames": int(dataset.get("NumberOfFrames", 1)),
    }


def main(wheel: Path, folder: Path) -> None:
    """Writes all of them."""
    with zipfile.ZipFile(wheel) as archive:
        jpeg = archive.read(FUNDUS)
    made = {
        "eye-fundus": eyes.fundus(jpeg),
        "eye-tomography": eyes.tomography(),
        "tooth-intraoral": teeth.intra_oral(),
        "tooth-panoramic": teeth.panoramic(),
    }
    described = []
    for name, dataset in made.items():
        file = folder / f"{name}.dcm"
        dataset.save_as(file, enforce_file_format=True)
        described.append(describe(name, dataset, file))
    (folder / "specialties.json").write_text(json.dumps({"specialties": described}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
