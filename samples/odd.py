"""Writes objects that are broken or hostile, for tests that nothing they do disturbs anything else.

Usage: odd.py FILM.dcm FOLDER      (FILM is any film of films.py; writes *.dcm and odd.json into FOLDER)
"""

from __future__ import annotations

import io
import json
import sys
import uuid
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmread
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset, write_file_meta_info
from pydicom.tag import Tag
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, JPEG2000Lossless

BOMB_BYTES = 2 << 30
BOMB_PIECE_BYTES = 64 << 20


def sound(film: Path, name: str) -> Dataset:
    """A small sound CR image with identifiers of its own, for others to spoil."""
    dataset = dcmread(film)
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, f"2.25.{uuid.uuid5(uuid.NAMESPACE_URL, f'lightbox/odd/{name}/{keyword}').int}")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.PatientID, dataset.PatientName, dataset.AccessionNumber = f"ODD-{name}"[:64], f"Odd^{name}", ""
    dataset.Rows = dataset.Columns = 64
    dataset.PixelData = bytes(range(64)) * 64
    dataset["PixelData"].VR = "OB"
    return dataset


def written(dataset: Dataset, enforce: bool = True) -> bytes:
    """The file's bytes; `enforce=False` lets invalid headers through."""
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=enforce)
    return buffer.getvalue()


def not_dicom(film: Path, name: str) -> bytes:
    """A text file with a DICOM file's name."""
    return b"This is a text file and not DICOM.\n" * 40


def truncated(film: Path, name: str) -> bytes:
    """A file cut off in the middle of its pixel data, as after a broken copy."""
    dataset = sound(film, name)
    return written(dataset)[: -len(dataset.PixelData) // 2]


def no_sop_instance_uid(film: Path, name: str) -> bytes:
    """Nothing to call the instance by, neither in the data set nor in group 0002."""
    dataset = sound(film, name)
    del dataset.SOPInstanceUID
    del dataset.file_meta.MediaStorageSOPInstanceUID
    return written(dataset, enforce=False)


def no_study_instance_uid(film: Path, name: str) -> bytes:
    """An instance of no study."""
    dataset = sound(film, name)
    del dataset.StudyInstanceUID
    return written(dataset)


def absurd_dimensions(film: Path, name: str) -> bytes:
    """A header that promises 4.3 gigapixels over 4 KB of pixel data."""
    dataset = sound(film, name)
    dataset.Rows = dataset.Columns = 65535
    return written(dataset)


def deflate_bomb(film: Path, name: str) -> bytes:
    """Two megabytes that inflate to two gigabytes of pixel data.

    After a full flush the deflater remembers nothing, so one compressed piece of zeros can be repeated.
    """
    dataset = sound(film, name)
    dataset.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    dataset.Rows = dataset.Columns = 1024
    dataset.NumberOfFrames = BOMB_BYTES >> 20
    pixel_header = b"\xe0\x7f\x10\x00OW\0\0" + BOMB_BYTES.to_bytes(4, "little")
    deflate = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    start = deflate.compress(header_elements(dataset) + pixel_header) + deflate.flush(zlib.Z_FULL_FLUSH)
    piece = deflate.compress(bytes(BOMB_PIECE_BYTES)) + deflate.flush(zlib.Z_FULL_FLUSH)
    return file_meta(dataset) + start + piece * (BOMB_BYTES // BOMB_PIECE_BYTES) + deflate.flush(zlib.Z_FINISH)


def header_elements(dataset: Dataset) -> bytes:
    """The data set up to its pixels, in Explicit VR Little Endian."""
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset[: Tag("PixelData")])
    return buffer.getvalue()


def file_meta(dataset: Dataset) -> bytes:
    """Preamble, prefix and group 0002."""
    buffer = DicomBytesIO()
    write_file_meta_info(buffer, dataset.file_meta)
    return bytes(128) + b"DICM" + buffer.getvalue()


def garbage_signed_16_bit(film: Path, name: str) -> bytes:
    """Noise over the whole signed range and no window: legal, and a score must come out of it."""
    dataset = sound(film, name)
    noise = np.random.default_rng(0).integers(-32768, 32768, size=(300, 400), dtype="<i2")
    del dataset.WindowCenter, dataset.WindowWidth
    dataset.Rows, dataset.Columns = noise.shape
    dataset.BitsAllocated = dataset.BitsStored = 16
    dataset.HighBit, dataset.PixelRepresentation = 15, 1
    dataset.PixelData = noise.tobytes()
    dataset["PixelData"].VR = "OW"
    return written(dataset)


def corrupt_jpeg_2000(film: Path, name: str) -> bytes:
    """A compressed frame that no decoder can read."""
    dataset = sound(film, name)
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    frame = b"\xff\x4f\xff\x51" + np.random.default_rng(0).bytes(4092)
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    return written(dataset)


# What may come of each: `rejected` when received, `failed` as the run's end, or a `finding`.
ODD: list[tuple[Callable[[Path, str], bytes], list[str]]] = [
    (not_dicom, ["rejected"]),
    (truncated, ["rejected"]),
    (no_sop_instance_uid, ["rejected"]),
    (no_study_instance_uid, ["rejected"]),
    (absurd_dimensions, ["failed"]),
    (deflate_bomb, ["rejected", "failed"]),
    (garbage_signed_16_bit, ["finding"]),
    (corrupt_jpeg_2000, ["failed"]),
]


def main(film: Path, folder: Path) -> None:
    """Writes all odd objects and their description."""
    folder.mkdir(exist_ok=True)
    described = []
    for make, outcomes in ODD:
        name = make.__name__.replace("_", "-")
        (folder / f"{name}.dcm").write_bytes(make(film, name))
        what = (make.__doc__ or "").partition("\n")[0]
        described.append({"file": f"{name}.dcm", "what": what, "expected_outcomes": outcomes})
    (folder / "odd.json").write_text(json.dumps({"odd": described}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
