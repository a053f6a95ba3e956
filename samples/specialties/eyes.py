"""Ophthalmic objects: a real fundus photograph, and a drawn volume of optical coherence tomography.

The photograph is "Fundus photograph of normal left eye" by Mikael Häggström (WikiJournal of Medicine 1 (2), 2014), given to
the public domain (CC0 1.0), as it lies in the wheel of scikit-image. Its header is made up.
"""

from __future__ import annotations

import io

import numpy as np
from PIL import Image, ImageCms
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, UID

from objects import between, blurred, coded, compress, item, put_grey, put_jpeg, started, uid

PHOTOGRAPHY_8_BIT = UID("1.2.840.10008.5.1.4.1.1.77.1.5.1")
TOMOGRAPHY = UID("1.2.840.10008.5.1.4.1.1.77.1.5.4")
FRAMES, ROWS, COLUMNS = 8, 192, 256
# Depth in the retina at which each layer ends, of 192 rows, and how bright it is.
LAYERS = [(0, 12), (70, 30), (78, 190), (92, 120), (100, 80), (112, 130), (124, 70), (130, 235), (136, 150), (172, 95)]
PITCH_MM = (0.004, 0.023)
SLICE_MM = 0.25


def fundus(jpeg: bytes) -> Dataset:
    """The photograph as an Ophthalmic Photography 8 Bit Image (PS3.3 A.41), with the JPEG stream as it came."""
    dataset = started("eye-fundus", 1, PHOTOGRAPHY_8_BIT, "OP", "Fundus photograph")
    dataset.SeriesDescription = "Left fundus, real photograph, invented header"
    add_eye(dataset)
    add_synchronization(dataset)
    add_photograph(dataset, jpeg)
    add_photographic_parameters(dataset)
    put_jpeg(dataset, jpeg, JPEGBaseline8Bit)
    return dataset


def add_eye(dataset: Dataset) -> None:
    """Which eye, and how it was (PS3.3 C.8.17.5, C.8.17.4)."""
    dataset.ImageLaterality = "L"
    dataset.AnatomicRegionSequence = [coded(codes.SCT.Retina)]
    dataset.PatientEyeMovementCommanded = None
    dataset.RefractiveStateSequence = []
    dataset.EmmetropicMagnification = dataset.IntraOcularPressure = dataset.HorizontalFieldOfView = None
    dataset.PupilDilated = "NO"


def add_synchronization(dataset: Dataset) -> None:
    """No clock was shared with anything (PS3.3 C.7.4.2)."""
    dataset.SynchronizationFrameOfReferenceUID = uid("eye", "clock")
    dataset.SynchronizationTrigger = "NO TRIGGER"
    dataset.AcquisitionTimeSynchronized = "N"


def add_photograph(dataset: Dataset, jpeg: bytes) -> None:
    """One frame in colour, lossy from the camera (PS3.3 C.8.17.2)."""
    with Image.open(io.BytesIO(jpeg)) as image:
        dataset.Columns, dataset.Rows = image.size
        raw_bytes = image.width * image.height * 3
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "", "COLOR"]
    dataset.NumberOfFrames, dataset.FrameIncrementPointer, dataset.FrameTime = 1, 0x00181063, 0
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "YBR_FULL_422", 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit, dataset.PixelRepresentation = 7, 0
    dataset.PatientOrientation = ["L", "F"]
    dataset.LossyImageCompression = "01"
    dataset.LossyImageCompressionRatio = f"{raw_bytes / len(jpeg):.2f}"
    dataset.LossyImageCompressionMethod = "ISO_10918_1"
    dataset.ICCProfile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def add_photographic_parameters(dataset: Dataset) -> None:
    """A fundus camera of which nothing more is known (PS3.3 C.8.17.3)."""
    dataset.AcquisitionDeviceTypeCodeSequence = [coded(codes.SCT.FundusCamera)]
    dataset.IlluminationTypeCodeSequence = []
    dataset.LightPathFilterTypeStackCodeSequence = []
    dataset.ImagePathFilterTypeStackCodeSequence = []
    dataset.LensesCodeSequence = []
    dataset.DetectorType = "CCD"


def tomography() -> Dataset:
    """A drawn volume as an Ophthalmic Tomography Image (PS3.3 A.52): several frames, in functional groups."""
    dataset = started("eye-tomography", 2, TOMOGRAPHY, "OPT", "Drawn optical coherence tomography")
    dataset.SeriesDescription = "Macula, drawn"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.FrameOfReferenceUID, dataset.PositionReferenceIndicator = uid("eye", "frame"), ""
    add_eye(dataset)
    del dataset.PatientEyeMovementCommanded
    add_synchronization(dataset)
    add_tomographic_parameters(dataset)
    add_frames(dataset)
    put_grey(dataset, layers(), 8)
    compress(dataset, JPEG2000Lossless)
    return dataset


def add_tomographic_parameters(dataset: Dataset) -> None:
    """PS3.3 C.8.17.7 to C.8.17.9; the scanner is made up."""
    dataset.AcquisitionContextSequence = []
    dataset.AcquisitionNumber, dataset.AcquisitionDuration = 1, 1.5
    dataset.PresentationLUTShape = "IDENTITY"
    dataset.AxialLengthOfTheEye = None
    dataset.DepthSpatialResolution, dataset.MaximumDepthDistortion = 6.0, 0.5
    dataset.AlongScanSpatialResolution, dataset.MaximumAlongScanDistortion = 20.0, 0.5
    dataset.AcrossScanSpatialResolution, dataset.MaximumAcrossScanDistortion = 20.0, 0.5
    dataset.AcquisitionDeviceTypeCodeSequence = [coded(codes.SCT.OpticalCoherenceTomographyScanner)]
    dataset.LightPathFilterTypeStackCodeSequence = []
    dataset.DetectorType = "CCD"
    dataset.IlluminationWaveLength, dataset.IlluminationPower, dataset.IlluminationBandwidth = 840.0, 700.0, 50.0


def add_frames(dataset: Dataset) -> None:
    """Functional groups and one dimension, the place across the macula (PS3.3 C.7.6.16, C.7.6.17)."""
    dimension = uid("eye", "dimension")
    dataset.DimensionOrganizationSequence = [item(DimensionOrganizationUID=dimension)]
    index = item(DimensionOrganizationUID=dimension)
    index.DimensionIndexPointer, index.FunctionalGroupPointer = 0x00200032, 0x00209113
    dataset.DimensionIndexSequence = [index]
    dataset.NumberOfFrames = FRAMES
    anatomy = item(FrameLaterality="L", AnatomicRegionSequence=[coded(codes.SCT.Retina)])
    measures = item(PixelSpacing=list(PITCH_MM), SliceThickness=SLICE_MM)
    orientation = item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    dataset.SharedFunctionalGroupsSequence = [
        item(FrameAnatomySequence=[anatomy], PixelMeasuresSequence=[measures], PlaneOrientationSequence=[orientation])
    ]
    dataset.PerFrameFunctionalGroupsSequence = [frame(dataset, number) for number in range(FRAMES)]


def frame(dataset: Dataset, number: int) -> Dataset:
    """What is of one frame only."""
    content = item(FrameAcquisitionNumber=1, FrameAcquisitionDuration=1.0, DimensionIndexValues=[number + 1])
    content.FrameAcquisitionDateTime = content.FrameReferenceDateTime = dataset.AcquisitionDateTime
    position = item(ImagePositionPatient=[0, 0, number * SLICE_MM])
    return item(FrameContentSequence=[content], PlanePositionSequence=[position])


def layers() -> np.ndarray:
    """Frames x rows x columns: the retina's layers, with a pit in the middle and speckle over all."""
    random = np.random.default_rng(5)
    row, column = np.mgrid[:ROWS, :COLUMNS].astype(float)
    frames = []
    for number in range(FRAMES):
        across = (number - (FRAMES - 1) / 2) / FRAMES * 2
        pit = 22 * np.exp(-(((column - COLUMNS / 2) / 34) ** 2) - (across / 0.6) ** 2)
        depth = row - pit * np.clip((112 - row) / 40, 0, 1)
        image = np.zeros_like(row)
        for (top, grey), (bottom, _) in zip(LAYERS, [*LAYERS[1:], (ROWS, 0)], strict=True):
            image += grey * between(depth, top, bottom - 1)
        frames.append(blurred(image * random.gamma(6, 1 / 6, image.shape), 1))
    return np.clip(np.stack(frames), 0, 255)
