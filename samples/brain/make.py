"""Wraps a real MR volume of a head as five DICOM series that lie differently in the patient, with invented headers.

The volume is `ch2` of MRIcron, BSD licensed: 27 T1-weighted scans of one man, averaged (Colin27; Holmes et al., J Comput
Assist Tomogr 1998; 22:324). Its reference brain mask is where MRIcron's `ch2bet` is not 0. Nothing else in the headers is
true but the kind of sequence. A ball was drawn into the air beside the forehead, at the right, to tell right from left,
front from back and top from bottom, as a capsule stuck to the skin does in practice.

All five series show the same head in the same place, so one reference mask in patient coordinates holds for all.

Usage: make.py TEMPLATES FOLDER      (MRIcron's folder of templates; writes series, masks and brain.json into FOLDER)
"""

from __future__ import annotations

import json
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian, MRImageStorage

from volumes import LPS_OF_RAS, Volume, read_nifti, sampled, write_nifti

MARKER_RAS_MM = (82.0, 65.0, 49.0)
MARKER_RADIUS_MM = 5.0
MARKER_VALUE = 250
BITS_STORED = 12
LEFT, BACK, UP = np.eye(3)
CENTRE_LPS = np.array([0.0, 17.0, 19.0])
# The sequence as published: spoiled gradient echo, TR 18 ms, TE 10 ms, flip angle 30 degrees.
REPETITION_MS, ECHO_MS, FLIP_DEGREES = 18, 10, 30


@dataclass(frozen=True)
class Form:
    """How one series lies in the patient: directions as in DICOM (LPS), sizes in mm."""

    name: str
    number: int
    words: str
    along_row: np.ndarray
    along_column: np.ndarray
    step: np.ndarray
    shape: tuple[int, int, int]
    spacing: tuple[float, float, float] = (1.0, 1.0, 1.0)
    slope: float = 1.0
    intercept: float = 0.0
    shuffled: bool = False

    def lps(self) -> np.ndarray:
        """The matrix from column, row and slice to millimetres; the middle of the grid is the middle of the volume."""
        matrix = np.eye(4)
        directions = (self.along_row, self.along_column, self.step)
        for axis, (direction, millimetres) in enumerate(zip(directions, self.spacing, strict=True)):
            matrix[:3, axis] = direction * millimetres
        middle = matrix[:3, :3] @ ((np.array(self.shape) - 1) / 2)
        matrix[:3, 3] = CENTRE_LPS - middle
        return matrix


def turned(degrees_x: float, degrees_z: float) -> np.ndarray:
    """A head tilted about the axis from ear to ear and then turned about the one from feet to head."""
    x, z = np.radians([degrees_x, degrees_z])
    tilt = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    turn = np.array([[np.cos(z), -np.sin(z), 0], [np.sin(z), np.cos(z), 0], [0, 0, 1]])
    return turn @ tilt


def forms() -> list[Form]:
    """The five series."""
    oblique = turned(20, 12)
    return [
        Form("axial", 1, "axial, feet to head", LEFT, BACK, UP, (181, 217, 181)),
        Form("sagittal", 2, "sagittal, right to left", BACK, -UP, LEFT, (217, 181, 181)),
        Form("coronal", 3, "coronal, front to back", LEFT, -UP, BACK, (181, 181, 217)),
        Form(
            "mirrored", 4, "axial, head to feet, columns run to the right, shuffled, rescaled",
            -LEFT, BACK, -UP, (181, 217, 181), slope=0.1, intercept=-12.8, shuffled=True,
        ),
        Form(
            "oblique", 5, "tilted by 20 and turned by 12 degrees, 1.2 x 1.2 x 2 mm",
            *oblique.T, (176, 208, 112), spacing=(1.2, 1.2, 2.0),
        ),
    ]  # fmt: skip


def uid(*path: object) -> UID:
    """The same UID in every run (PS3.5 B.2)."""
    words = "/".join(str(part) for part in path)
    return UID(f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'lightbox/brain/{words}').int}")


def marked(head: Volume) -> Volume:
    """The head with the ball beside it."""
    centre = np.linalg.inv(head.affine) @ [*MARKER_RAS_MM, 1]
    grid = np.ogrid[tuple(slice(0, size) for size in head.voxels.shape)]
    distance = sum((axis - middle) ** 2 for axis, middle in zip(grid, centre, strict=False))
    ball = distance <= MARKER_RADIUS_MM**2
    if head.voxels[ball].max() > 0:
        raise SystemExit("brain: the marker would lie in the head")
    return Volume(np.where(ball, MARKER_VALUE, head.voxels), head.affine)


def images(form: Form, voxels: np.ndarray) -> list[Dataset]:
    """The series' images in the order of their slices; numbers follow it unless the form is shuffled."""
    order = np.arange(form.shape[2])
    if form.shuffled:
        np.random.default_rng(form.number).shuffle(order)
    stored = np.rint((voxels - form.intercept) / form.slope).astype("<u2")
    return [image(form, stored[:, :, k].T, k, int(order[k]) + 1) for k in range(form.shape[2])]


def image(form: Form, stored: np.ndarray, k: int, number: int) -> Dataset:
    """One slice of rows x columns stored values as an MR Image (PS3.3 A.4)."""
    dataset = Dataset()
    add_patient_and_study(dataset)
    add_series_and_equipment(dataset, form)
    add_image(dataset, form, number)
    add_place(dataset, form, k)
    add_pixels(dataset, form, stored)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return dataset


def add_patient_and_study(dataset: Dataset) -> None:
    """A made-up man."""
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName, dataset.PatientID = "Brain^Average", "BRAIN-1"
    dataset.IssuerOfPatientID = "LIGHTBOX-DEMO"
    dataset.PatientBirthDate, dataset.PatientSex, dataset.PatientAge = "19900101", "M", "035Y"
    dataset.StudyInstanceUID, dataset.StudyID, dataset.AccessionNumber = uid("study"), "1", "BRAIN0001"
    dataset.StudyDate, dataset.StudyTime = "20250305", "090000"
    dataset.ReferringPhysicianName, dataset.StudyDescription = "Demo^Referrer", "MR of the head"


def add_series_and_equipment(dataset: Dataset, form: Form) -> None:
    """The series, in the one frame of reference of all five."""
    dataset.Modality, dataset.BodyPartExamined = "MR", "HEAD"
    dataset.SeriesInstanceUID, dataset.SeriesNumber = uid("series", form.name), form.number
    dataset.SeriesDate, dataset.SeriesTime = dataset.StudyDate, f"09{form.number:02}00"
    dataset.SeriesDescription = f"T1 {form.name}, invented header"
    dataset.ProtocolName = "T1 spoiled gradient echo"
    dataset.PatientPosition = "HFS"
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = uid("frame"), ""
    dataset.Manufacturer, dataset.ManufacturerModelName = "Lightbox samples", "brain"
    dataset.DeviceSerialNumber, dataset.SoftwareVersions = "0", "1"


def add_image(dataset: Dataset, form: Form, number: int) -> None:
    """What makes it this image, and how it was acquired (PS3.3 C.8.3.1)."""
    dataset.SOPClassUID, dataset.SOPInstanceUID = MRImageStorage, uid("series", form.name, number)
    dataset.InstanceNumber, dataset.AcquisitionNumber = number, 1
    dataset.ImageType = ["DERIVED", "PRIMARY", "OTHER"]
    dataset.ContentDate, dataset.ContentTime = dataset.SeriesDate, dataset.SeriesTime
    dataset.AcquisitionDate, dataset.AcquisitionTime = dataset.SeriesDate, dataset.SeriesTime
    dataset.DerivationDescription = f"Colin27 as ch2 of MRIcron, {form.words}; a ball was drawn at the right"
    dataset.ScanningSequence, dataset.SequenceVariant, dataset.ScanOptions = "GR", "SP", ""
    dataset.MRAcquisitionType, dataset.EchoTrainLength, dataset.FlipAngle = "3D", 1, FLIP_DEGREES
    dataset.RepetitionTime, dataset.EchoTime = REPETITION_MS, ECHO_MS
    dataset.BurnedInAnnotation, dataset.LossyImageCompression = "NO", "00"


def add_place(dataset: Dataset, form: Form, k: int) -> None:
    """Where the slice lies (PS3.3 C.7.6.2); decimal strings hold 16 characters."""
    corner = form.lps() @ [0, 0, k, 1]
    dataset.ImagePositionPatient = [decimal(value) for value in corner[:3]]
    dataset.ImageOrientationPatient = [decimal(value) for value in (*form.along_row, *form.along_column)]
    dataset.PixelSpacing = [decimal(form.spacing[1]), decimal(form.spacing[0])]
    dataset.SliceThickness = dataset.SpacingBetweenSlices = decimal(form.spacing[2])


def add_pixels(dataset: Dataset, form: Form, stored: np.ndarray) -> None:
    """Twelve bits in sixteen, as MR asks for (PS3.3 C.8.3.1.1.4)."""
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, BITS_STORED, BITS_STORED - 1
    dataset.PixelRepresentation = 0
    dataset.WindowCenter, dataset.WindowWidth = 60, 120
    if form.slope != 1 or form.intercept != 0:
        dataset.RescaleSlope, dataset.RescaleIntercept, dataset.RescaleType = form.slope, form.intercept, "US"
    dataset.add_new("PixelData", "OW", stored.tobytes())


def decimal(value: float) -> str:
    """Millimetres or a cosine to a millionth."""
    return f"{value:.6f}"


def describe(form: Form) -> dict:
    """What a test must know of a series, without reading DICOM."""
    return {
        "folder": form.name,
        "words": form.words,
        "instances": form.shape[2],
        "columns_rows_slices": form.shape,
        "spacing_mm": form.spacing,
        "study_instance_uid": uid("study"),
        "series_instance_uid": uid("series", form.name),
        "frame_of_reference_uid": uid("frame"),
        "lps_mm_of_column_row_slice": form.lps().round(6).tolist(),
    }


def main(templates: Path, folder: Path) -> None:
    """Writes the series, the reference mask, and what is in them."""
    head = marked(read_nifti(templates / "ch2.nii.gz"))
    brain = read_nifti(templates / "ch2bet.nii.gz")
    mask = Volume((brain.voxels > 0).astype("u1"), brain.affine)
    for form in forms():
        (folder / form.name).mkdir()
        voxels = sampled(head, LPS_OF_RAS @ form.lps(), form.shape)
        for dataset in images(form, voxels):
            dataset.save_as(folder / form.name / f"{dataset.InstanceNumber:04}.dcm", enforce_file_format=True)
    write_nifti(folder / "reference-mask.nii.gz", mask)
    described = {
        "reference_mask": "reference-mask.nii.gz",
        "reference_ml": round(float(mask.voxels.sum()) * mask.voxel_ml, 3),
        "marker_ras_mm": MARKER_RAS_MM,
        "marker_radius_mm": MARKER_RADIUS_MM,
        "series": [describe(form) for form in forms()],
    }
    (folder / "brain.json").write_text(json.dumps(described, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
