"""Reads results with pydicom and says what they say, one line a file.

Usage: python pydicom_results.py RESULT...
"""

import sys

import pydicom


def find(item, *path):
    """The descendants whose concept names lead down this path."""
    for child in item.get("ContentSequence", []):
        name = child.ConceptNameCodeSequence[0].CodeMeaning if "ConceptNameCodeSequence" in child else ""
        if name == path[0]:
            if len(path) == 1:
                yield child
            else:
                yield from find(child, *path[1:])


for path in sys.argv[1:]:
    result = pydicom.dcmread(path)
    if "PixelData" in result:
        print(f"{result.PatientName}: {result.PhotometricInterpretation} {result.pixel_array.shape}")
        continue
    for group in find(result, "Imaging Measurements", "Measurement Group"):
        coded = {child.ConceptNameCodeSequence[0].CodeMeaning: child for child in group.ContentSequence}
        finding = coded["Finding"].ConceptCodeSequence[0].CodeMeaning
        numbers = [f"{name} {coded[name].MeasuredValueSequence[0].NumericValue}" for name in ("Score", "Threshold Value")]
        presence = coded["Presence of property"].ConceptCodeSequence[0].CodeMeaning
        print(f"{result.PatientName}: {finding}, {', '.join(numbers)}, {presence}")
