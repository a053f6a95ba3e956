"""Makes many different chest films of the sixteen samples: the same pixels and encodings under new identifiers.

Usage: restamp.py SAMPLES FOLDER COUNT      (writes *.dcm and samples.json into FOLDER, as in SAMPLES)
"""

from __future__ import annotations

import json
import sys
import uuid
from pathlib import Path

from pydicom import dcmread


def restamp(sample: dict, number: int, samples: Path, folder: Path) -> dict:
    """Writes one copy for another made-up patient and returns its description."""
    dataset = dcmread(samples / sample["file"])
    dataset.PatientID = f"BENCH-{number:04}"
    dataset.PatientName = f"Bench^{number:04}"
    dataset.AccessionNumber = f"BENCH{number:04}"
    for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
        setattr(dataset, keyword, f"2.25.{uuid.uuid4().int}")
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    file = f"bench-{number:04}.dcm"
    dataset.save_as(folder / file)
    return sample | {
        "file": file,
        "study_instance_uid": dataset.StudyInstanceUID,
        "sop_instance_uid": dataset.SOPInstanceUID,
        "accession_number": dataset.AccessionNumber,
    }


def main(samples: Path, folder: Path, count: int) -> None:
    """Goes round the samples that the app may read until there are enough."""
    described = json.loads((samples / "samples.json").read_text())["samples"]
    films = [sample for sample in described if sample["expected_outcome"] == "finding"]
    copies = [restamp(films[number % len(films)], number, samples, folder) for number in range(count)]
    (folder / "samples.json").write_text(json.dumps({"samples": copies}, indent=1) + "\n")


if __name__ == "__main__":
    if len(sys.argv) != 4:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
