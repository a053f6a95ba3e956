"""Compares objects with what was made of them: pydicom must read the same pixels in each.

Usage: python pydicom_transcoded.py LISTING
LISTING has a line for each pair: source <tab> transcoded <tab> largest difference of a sample. Prints what differs, and
at last how many pairs were compared.
"""

import sys
import warnings
from pathlib import Path

import numpy
from pydicom import dcmread
from pydicom.pixels import pixel_array

warnings.simplefilter("ignore")


def describe(dataset):
    """What must not change with the encoding."""
    keep = ("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation")
    return [dataset.get(keyword) for keyword in (*keep, "SOPInstanceUID", "PatientID", "NumberOfFrames")]


compared = 0
for line in Path(sys.argv[1]).read_text().splitlines():
    source, transcoded, difference_max = line.split("\t")
    before, after = dcmread(source), dcmread(transcoded)
    name = f"{Path(source).name} as {after.file_meta.TransferSyntaxUID.name}"
    if describe(before) != describe(after):
        print(f"{name}: {describe(before)} became {describe(after)}")
    try:
        expected = pixel_array(before)
    except Exception:
        continue  # it cannot decode the source here
    pixels = pixel_array(after)
    compared += 1
    if expected.shape != pixels.shape:
        print(f"{name}: {expected.shape} became {pixels.shape}")
        continue
    worst = numpy.abs(expected.astype(numpy.int64) - pixels.astype(numpy.int64)).max()
    if worst > int(difference_max):
        print(f"{name}: differs by {worst}")
print(compared)
