"""Displays monochrome images with pydicom's own LUT functions, for comparison.

Usage: python pydicom_greys.py OUT_DIR IMAGE...
Writes OUT_DIR/N.grey, 8 bits a pixel, for each image that pydicom decodes here.
"""

import sys
from pathlib import Path

import numpy
import pydicom
from pydicom.pixels import apply_modality_lut, apply_voi_lut

out = Path(sys.argv[1])
for number, path in enumerate(sys.argv[2:]):
    image = pydicom.dcmread(path)
    try:
        stored = image.pixel_array
    except RuntimeError as error:
        print(f"{path}: {error}", file=sys.stderr)
        continue
    values = apply_modality_lut(stored, image)
    if "VOILUTSequence" in image:
        low, high = 0, (1 << image.VOILUTSequence[0].LUTDescriptor[2]) - 1
        values = apply_voi_lut(values, image)
    else:
        # pydicom stretches a window over the range of the modality's values; over this range it is PS3.3's fraction.
        bits = image.BitsStored
        ends = numpy.array([-(1 << (bits - 1)), (1 << (bits - 1)) - 1] if image.PixelRepresentation else [0, (1 << bits) - 1])
        if "ModalityLUTSequence" in image:
            low, high = 0, (1 << image.ModalityLUTSequence[0].LUTDescriptor[2]) - 1
        else:
            low, high = (float(end) for end in apply_modality_lut(ends, image))
        values = apply_voi_lut(values, image)
    greys = (values.astype(float) - low) / (high - low) * 255
    if image.PhotometricInterpretation == "MONOCHROME1":
        greys = 255 - greys
    numpy.rint(greys).clip(0, 255).astype(numpy.uint8).tofile(out / f"{number}.grey")
