"""What all objects of the specialties have in common: patient, study, equipment, UIDs, pixels."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import date

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.coding import Code
from pydicom.uid import UID, ExplicitVRLittleEndian

STUDY_DATE = date(2025, 3, 4)


def uid(name: str, level: str) -> UID:
    """The same UID in every run (PS3.5 B.2)."""
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'lightbox/specialties/{name}/{level}').int}")


def started(name: str, number: int, sop_class: UID, modality: str, study_description: str) -> Dataset:
    """Patient, study, series, equipment and what names the instance; the person is made up."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.SOPClassUID, dataset.SOPInstanceUID = sop_class, uid(name, "instance")
    dataset.PatientName, dataset.PatientID = f"Specialty^{name.split('-')[0].title()}", f"SPECIALTY-{number}"
    dataset.IssuerOfPatientID = "LIGHTBOX-DEMO"
    dataset.PatientBirthDate, dataset.PatientSex = f"19700{number}01", "FM"[number % 2]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uid(name, "study"), uid(name, "series")
    dataset.StudyDate, dataset.StudyTime = f"{STUDY_DATE:%Y%m%d}", f"{8 + number:02}0000"
    dataset.StudyID, dataset.AccessionNumber = str(number), f"SPEC{number:04}"
    dataset.ReferringPhysicianName, dataset.StudyDescription = "Demo^Referrer", study_description
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 1, 1
    dataset.SeriesDate, dataset.SeriesTime = dataset.StudyDate, dataset.StudyTime
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionDateTime = f"{dataset.StudyDate}{dataset.StudyTime}"
    dataset.Manufacturer, dataset.ManufacturerModelName = "Lightbox samples", "specialties"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "0", "1"
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def coded(code: Code) -> Dataset:
    """One code as an item of a code sequence (PS3.3 §8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def put_grey(dataset: Dataset, greys: np.ndarray, bits: int) -> None:
    """Greys as MONOCHROME2: rows x columns, or frames x rows x columns."""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = greys.shape[-2:]
    dataset.BitsAllocated = 8 if bits <= 8 else 16
    dataset.BitsStored, dataset.HighBit, dataset.PixelRepresentation = bits, bits - 1, 0
    stored = greys.astype("u1" if bits <= 8 else "<u2").tobytes()
    dataset.add_new("PixelData", "OB" if bits <= 8 else "OW", stored + b"\0" * (len(stored) % 2))


def put_jpeg(dataset: Dataset, jpeg: bytes, transfer_syntax: UID) -> None:
    """A stream that is compressed already, as the camera wrote it."""
    dataset.file_meta.TransferSyntaxUID = transfer_syntax
    dataset.add_new("PixelData", "OB", encapsulate([jpeg]))
    dataset["PixelData"].is_undefined_length = True


def compress(dataset: Dataset, transfer_syntax: UID) -> None:
    """Compresses in place and keeps the instance's UID."""
    dataset.compress(transfer_syntax, generate_instance_uid=False)


def item(**values: object) -> Dataset:
    """A sequence's item with these attributes."""
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, value)
    return made


def between(value: np.ndarray, low: float, high: float) -> np.ndarray:
    """1 from low to high, with edges of one pixel, else 0."""
    return np.clip(value - low + 0.5, 0, 1) * np.clip(high - value + 0.5, 0, 1)


def blurred(image: np.ndarray, passes: int, axes: Sequence[int] = (0, 1)) -> np.ndarray:
    """Smoothed by binomial filters, as a detector does."""
    for axis in tuple(axes) * passes:
        image = (np.roll(image, 1, axis) + 2 * image + np.roll(image, -1, axis)) / 4
    return image
