"""Decodes the first frame of pydicom's own test files, for comparison.

Usage: python pydicom_frames.py OUT_DIR
Writes OUT_DIR/N.raw (little-endian samples, pixel by pixel, colour as RGB of 8 bits) and prints one line a file:
N <tab> path <tab> transfer syntax <tab> samples per pixel
"""

import sys
import warnings
from pathlib import Path

import numpy
import pydicom
from pydicom.pixels import pixel_array

warnings.simplefilter("ignore")
out = Path(sys.argv[1])
folder = Path(pydicom.__file__).parent / "data" / "test_files"
for number, path in enumerate(sorted(folder.glob("*.dcm"))):
    try:
        header = pydicom.dcmread(path)
        array = pixel_array(path, index=0)
    except Exception as error:
        print(f"{path.name}: {type(error).__name__}", file=sys.stderr)
        continue
    if header.BitsAllocated not in (8, 16, 32) or array.dtype.kind == "f":
        continue
    if header.SamplesPerPixel == 3 and array.dtype.itemsize > 1:
        array = numpy.rint(array * (255 / ((1 << header.BitsStored) - 1))).astype(numpy.uint8)
    array.astype(array.dtype.newbyteorder("<")).tofile(out / f"{number}.raw")
    print(number, path, header.file_meta.TransferSyntaxUID, header.SamplesPerPixel, sep="\t")
