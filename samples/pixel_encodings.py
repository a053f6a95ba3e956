"""How an 8-bit grey film can be stored in DICOM so that every reader must show the same greys again.

A radiograph's stored values reach the screen through the modality transformation (PS3.3 C.11.1), the VOI transformation
(PS3.3 C.11.2) and the photometric interpretation. Each encoding here is a table of 256 stored values, one for each
grey, and the attributes that lead from these values back to the grey. A model must give one film one score in all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from pydicom.dataset import Dataset

GREYS = np.arange(256)
FULL_8_BIT = {"WindowCenter": 128, "WindowWidth": 256}


@dataclass(frozen=True)
class Encoding:
    """One way of storing greys: `stored[g]` is the pixel value of grey `g`."""

    words: str
    stored: np.ndarray
    bits_stored: int
    attributes: dict[str, object] = field(default_factory=dict)
    photometric: str = "MONOCHROME2"
    signed: bool = False

    @property
    def bits_allocated(self) -> int:
        """8 where it suffices, as scanners do."""
        return 8 if self.bits_stored == 8 else 16

    @property
    def dtype(self) -> np.dtype:
        """Little-endian, as all transfer syntaxes used here."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.bits_allocated // 8}")


def plain_8_bit() -> Encoding:
    """Stored value is grey."""
    return Encoding("8 bit", GREYS, 8, FULL_8_BIT)


def inverted_8_bit() -> Encoding:
    """MONOCHROME1: the lowest value is white."""
    return Encoding("8 bit, MONOCHROME1", 255 - GREYS, 8, FULL_8_BIT, photometric="MONOCHROME1")


def windowed_12_bit() -> Encoding:
    """Two windows, of which the first is the default (PS3.3 C.11.2.1.2); another first one would change the score."""
    centers, widths = [2040.5, 1000.0], [4081.0, 500.0]
    names = {"WindowCenterWidthExplanation": ["NORMAL", "HARDER"]}
    return Encoding("12 bit, two windows", 16 * GREYS, 12, {"WindowCenter": centers, "WindowWidth": widths, **names})


def inverted_14_bit() -> Encoding:
    """MONOCHROME1 above 8 bits: the window comes first, the inversion last."""
    window = {"WindowCenter": 8170.5, "WindowWidth": 16321}
    return Encoding("14 bit, MONOCHROME1", 64 * (255 - GREYS) + 10, 14, window, photometric="MONOCHROME1")


def rescaled_16_bit() -> Encoding:
    """A window that counts in rescaled units, not in stored values."""
    rescale = {"RescaleSlope": 0.5, "RescaleIntercept": -500, "RescaleType": "US"}
    window = {"WindowCenter": 8160.5, "WindowWidth": 16321}
    return Encoding("16 bit, rescaled", 128 * GREYS + 1000, 16, {**rescale, **window})


def signed_16_bit() -> Encoding:
    """Two's complement pixel values, dark ones negative."""
    window = {"WindowCenter": 750.5, "WindowWidth": 25501}
    return Encoding("16 bit signed", 100 * GREYS - 12000, 16, window, signed=True)


def sigmoid_12_bit() -> Encoding:
    """VOI LUT Function SIGMOID (PS3.3 C.11.2.1.3.1): its inverse, rounded, returns to each grey after rounding."""
    center, width = 2048, 1100
    shown = np.clip(GREYS, 0.25, 254.75)
    stored = np.rint(center - width / 4 * np.log(255 / shown - 1)).astype(int)
    window = {"WindowCenter": center, "WindowWidth": width, "VOILUTFunction": "SIGMOID"}
    return Encoding("12 bit, sigmoid window", stored, 12, window)


def exact_10_bit() -> Encoding:
    """VOI LUT Function LINEAR_EXACT (PS3.3 C.11.2.1.3.2), which has no half-pixel shift."""
    window = {"WindowCenter": 510, "WindowWidth": 1020, "VOILUTFunction": "LINEAR_EXACT"}
    return Encoding("10 bit, exact window", 4 * GREYS, 10, window)


def voi_table_12_bit() -> Encoding:
    """A VOI LUT Sequence that undoes a curve; between two greys it takes the nearer, so it is defined everywhere."""
    stored = np.rint(4095 * (GREYS / 255) ** 1.5).astype(int)
    nearest = np.abs(np.arange(4096)[:, None] - stored[None, :]).argmin(axis=1)
    table = lookup_table(nearest * 257)
    return Encoding("12 bit, VOI table", stored, 12, {"VOILUTSequence": [table]})


def modality_table_8_bit() -> Encoding:
    """A Modality LUT Sequence from film density to a wider range, which the window then counts in."""
    table = lookup_table(257 * GREYS[::-1])
    table.ModalityLUTType = "US"
    window = {"WindowCenter": 32768, "WindowWidth": 65536}
    return Encoding("8 bit, modality table", 255 - GREYS, 8, {"ModalityLUTSequence": [table], **window})


def lookup_table(values: np.ndarray) -> Dataset:
    """One item of a LUT sequence: 16-bit entries from stored value 0 on (PS3.3 C.11.1.1)."""
    item = Dataset()
    item.LUTDescriptor = [len(values), 0, 16]
    item["LUTDescriptor"].VR = "US"
    item.LUTData = values.astype("<u2").tobytes()
    item["LUTData"].VR = "OW"
    return item
