"""Dental radiographs, drawn: no real one with a licence lies in a package registry. Their names and headers say so.

An intra-oral one of three teeth (IO), and a panoramic one of both jaws (PX).
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import UID, DigitalXRayImageStorageForPresentation, JPEGLSLossless, RLELossless

from objects import blurred, coded, compress, put_grey, started

INTRA_ORAL = UID("1.2.840.10008.5.1.4.1.1.1.3")
BITS = 12
ENAMEL, DENTINE, BONE, PULP, SOFT = 0.95, 0.68, 0.45, 0.38, 0.2
# ISO 3950: quadrant 4, teeth 5 to 7, from the front to the back of the mouth.
TEETH = [
    codes.SCT.MandibularRightSecondPremolarTooth,
    codes.SCT.MandibularRightFirstMolarTooth,
    codes.SCT.MandibularRightSecondMolarTooth,
]


def intra_oral() -> Dataset:
    """A Digital Intra-Oral X-Ray Image, for presentation (PS3.3 A.28)."""
    dataset = started("tooth-intraoral", 3, INTRA_ORAL, "IO", "Drawn dental film")
    dataset.SeriesDescription = "Lower right molars, drawn"
    add_x_ray(dataset, (0.02, 0.02))
    dataset.ImageLaterality = "R"
    dataset.AnatomicRegionSequence = [coded(codes.SCT.Mandible)]
    dataset.PrimaryAnatomicStructureSequence = [coded(code) for code in TEETH]
    dataset.PositionerType = "NONE"
    row, column = grid(900, 1200)
    image = bone(row, 380)
    for number, width in enumerate((150, 210, 200)):
        image = tooth(image, row, column, (380, 260 + number * 330), (width, 1.0), roots=1 if number == 0 else 2)
    # Caries between the second and the third.
    image *= 1 - 0.5 * np.exp(-(((row - 300) / 40) ** 2) - ((column - 690) / 26) ** 2)
    put_grey(dataset, exposed(image), BITS)
    compress(dataset, JPEGLSLossless)
    return dataset


def panoramic() -> Dataset:
    """Both jaws as a Digital X-Ray Image of modality PX, which has no class of its own."""
    dataset = started("tooth-panoramic", 4, DigitalXRayImageStorageForPresentation, "PX", "Drawn panoramic film")
    dataset.SeriesDescription = "Both jaws, drawn"
    add_x_ray(dataset, (0.1, 0.1))
    dataset.ImageLaterality = "B"
    dataset.AnatomicRegionSequence = [coded(codes.SCT.JawRegion)]
    dataset.BodyPartExamined = "JAW"
    dataset.PositionerType = "COLUMN"
    row, column = grid(700, 1400)
    bend = 90 * ((column - 700) / 700) ** 2
    image = bone(np.abs(row + bend - 360) + 200, 245)
    for number in range(14):
        across = 90 + number * 94
        for upper in (False, True):
            down = 360 - bend + (-70 if upper else 70)
            shape = (38 + 5 * abs(number - 6.5), -0.45 if upper else 0.45)
            image = tooth(image, row - down, column, (0, across), shape, roots=2 if abs(number - 6.5) > 4 else 1)
    put_grey(dataset, exposed(image), BITS)
    compress(dataset, RLELossless)
    return dataset


def add_x_ray(dataset: Dataset, spacing: tuple[float, float]) -> None:
    """What every digital radiograph says (PS3.3 A.26); the detector is made up."""
    dataset.ImageType = ["DERIVED", "PRIMARY", ""]
    dataset.PresentationIntentType, dataset.PresentationLUTShape = "FOR PRESENTATION", "IDENTITY"
    dataset.PixelIntensityRelationship, dataset.PixelIntensityRelationshipSign = "LOG", -1
    dataset.RescaleIntercept, dataset.RescaleSlope, dataset.RescaleType = 0, 1, "US"
    dataset.WindowCenter, dataset.WindowWidth = 2**BITS // 2, 2**BITS
    dataset.AcquisitionDate, dataset.AcquisitionTime = dataset.StudyDate, dataset.StudyTime
    dataset.AcquisitionContextSequence = []
    dataset.DetectorType, dataset.ImagerPixelSpacing = "DIRECT", list(spacing)
    dataset.PatientOrientation = ["P", "F"]
    dataset.DerivationDescription = "Drawn by a program, of nobody"
    dataset.ViewCodeSequence = [coded(Code("399260004", "SCT", "medio-lateral"))]
    dataset.ViewCodeSequence[0].ViewModifierCodeSequence = []


def grid(rows: int, columns: int) -> tuple[np.ndarray, np.ndarray]:
    """The row and the column of each pixel."""
    row, column = np.mgrid[:rows, :columns].astype(float)
    return row, column


def bone(row: np.ndarray, crest: float) -> np.ndarray:
    """Bone below its crest, with trabeculae; soft tissue above."""
    random = np.random.default_rng(3)
    texture = blurred(random.normal(size=row.shape), 6)
    below = 1 / (1 + np.exp(-(row - crest) / 8))
    return SOFT + (BONE - SOFT) * below + 0.25 * below * texture


def tooth(
    image: np.ndarray,
    row: np.ndarray,
    column: np.ndarray,
    neck: tuple[float, float],
    shape: tuple[float, float],
    roots: int,
) -> np.ndarray:
    """Draws one tooth whose neck is there, of that width; a negative scale turns it upside down."""
    width, scale = shape
    down, across = (row - neck[0]) / scale, column - neck[1]
    crown = (across / (width * 0.62)) ** 4 + ((down + 110) / 120) ** 4
    core = (across / (width * 0.46)) ** 4 + ((down + 90) / 105) ** 4
    image = np.where(crown < 1, ENAMEL, image)
    image = np.where(core < 1, DENTINE, image)
    for side in (0,) if roots == 1 else (-1, 1):
        middle = side * width * 0.24 * (1 + np.clip(down, 0, 330) / 700)
        half = width * (0.42 if roots == 1 else 0.24) * np.clip(1 - down / 340, 0, 1)
        within = (down > -30) & (np.abs(across - middle) < half)
        image = np.where(within, DENTINE, image)
        canal = (down > -90) & (np.abs(across - middle) < half * 0.2)
        image = np.where(within & canal, PULP, image)
    chamber = (across / (width * 0.2)) ** 2 + ((down + 60) / 34) ** 2
    return np.where(chamber < 1, PULP, image)


def exposed(image: np.ndarray) -> np.ndarray:
    """Blurred and noisy, as stored values."""
    noise = np.random.default_rng(4).normal(scale=0.012, size=image.shape)
    return np.clip(np.rint((blurred(image, 3) + noise) * (2**BITS - 1)), 0, 2**BITS - 1)
