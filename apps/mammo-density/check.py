"""Checks the reference on the real films: side and view as the headers say, and the numbers as when it was made.

`golden.json` holds what the reference measured, for another implementation of the same method to compare with.

Usage: check.py MAMMO_FOLDER FILMS.toml [--all | --write]      (--all: every film; --write: all, and writes golden.json)
"""

from __future__ import annotations

import json
import sys
import time
import tomllib
from dataclasses import asdict
from pathlib import Path

from pydicom import dcmread

from reference import measure

GOLDEN = Path(__file__).with_name("golden.json")
# One view from above and one oblique, of different exams.
QUICK = ("benign-right-cc.dcm", "malignant-left-mlo.dcm")
PERCENT_OFF_MAX, PART_OFF_MAX = 0.5, 0.005


def problems_of(film: dict, got: dict, expected: dict) -> list[str]:
    """What is wrong with one film; nothing if all is well."""
    wrong = []
    if got["chest_wall"] != film["chest_wall"]:
        wrong.append(f"chest wall at the {got['chest_wall']}")
    if got["view"] != film["view"]:
        wrong.append(f"view {got['view']}")
    if abs(got["percent_density"] - expected["percent_density"]) > PERCENT_OFF_MAX:
        wrong.append(f"density was {expected['percent_density']}")
    for part in ("breast_of_image", "pectoral_of_breast"):
        if abs(got[part] - expected[part]) > PART_OFF_MAX:
            wrong.append(f"{part} was {expected[part]}")
    return wrong


def main(folder: Path, table: Path, option: str) -> int:
    """Prints one line for each film and returns the number of those that failed."""
    films = [film for film in tomllib.loads(table.read_text())["film"] if option or film["file"] in QUICK]
    measured = {}
    for film in films:
        started = time.monotonic()
        measured[film["file"]] = asdict(measure(dcmread(folder / film["file"]).pixel_array)[0])
        print(f"        {film['file']:24} {time.monotonic() - started:.1f} s")
    if option == "--write":
        GOLDEN.write_text(json.dumps({"films": measured}, indent=1) + "\n")
    golden = json.loads(GOLDEN.read_text())["films"]
    failed = 0
    for film in films:
        got = measured[film["file"]]
        wrong = problems_of(film, got, golden[film["file"]])
        failed += bool(wrong)
        density = f"{got['view']:3} dense {got['percent_density']:5.2f} %"
        print(f"{'FAILED' if wrong else 'ok':7} {film['file']:24} {density} {'; '.join(wrong)}")
    print(f"check: {len(films)} films, {failed} failed")
    return failed + (len(films) < len(QUICK))


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        raise SystemExit(__doc__)
    raise SystemExit(min(main(Path(sys.argv[1]), Path(sys.argv[2]), "".join(sys.argv[3:])), 1))
