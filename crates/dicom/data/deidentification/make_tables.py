"""Makes table_e1_1.tsv and types.tsv from published tables; run it again when these change.

    python make_tables.py CONFIDENTIALITY_PROFILE.json NEWER_ROWS.csv HIGHDICOM_WHEEL.whl

The first is innolitics/dicom-standard's confidentiality_profile_attributes.json, the second has the rows that came after
its edition (README.md says where each is from). Needs pydicom for the dictionary of keywords.
"""

import csv
import json
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

from pydicom.datadict import tag_for_keyword

HERE = Path(__file__).parent
OPTIONS = {
    "rtnSafePrivOpt": "safe_private",
    "rtnUIDsOpt": "uids",
    "rtnDevIdOpt": "device_identity",
    "rtnInstIdOpt": "institution_identity",
    "rtnPatCharsOpt": "patient_characteristics",
    "rtnLongFullDatesOpt": "full_dates",
    "rtnLongModifDatesOpt": "modified_dates",
    "cleanDescOpt": "descriptors",
    "cleanStructContOpt": "structured_content",
    "cleanGraphOpt": "graphics",
}
PRIVATE = "(GGGG,EEEE) WHERE GGGG IS ODD"
RANK = {"1": 1, "1C": 1, "2": 2, "2C": 2, "3": 3}


def tag_text(tag):
    """(50XX,XXXX) becomes 50xxxxxx, private attributes become `private`."""
    return "private" if tag == PRIVATE else tag[1:5].lower() + tag[6:10].lower()


def table_rows(profile, newer):
    for row in json.loads(Path(profile).read_text()):
        yield row["tag"], row["basicProfile"], row, row["name"].split("\n")[0], "2024b"
    with open(newer, newline="") as file:
        for row in csv.DictReader(file):
            if row["edition"] != "2024b":
                yield row["tag"], row["basic"], row, row["name"], "2026c"


def write_table(profile, newer):
    lines = []
    combined = set()
    for tag, basic, row, name, edition in table_rows(profile, newer):
        options = " ".join(f"{ours}={row[theirs]}" for theirs, ours in OPTIONS.items() if row.get(theirs))
        lines.append("\t".join([tag_text(tag), basic, options or "-", edition, name]))
        if "/" in basic:
            combined.add(tag_text(tag))
    head = "# tag\tbasic profile\toptions\tedition\tname; made by make_tables.py\n"
    (HERE / "table_e1_1.tsv").write_text(head + "\n".join(sorted(lines)) + "\n")
    return combined


def write_types(wheel, combined):
    """Of an IOD's modules the strictest type counts; within sequences, the strictest of all IODs."""
    with zipfile.ZipFile(wheel) as archive:
        read = lambda name: json.loads(archive.read(f"highdicom/_standard/{name}.json"))
        modules, iods, classes = read("module_attribute_map"), read("iod_module_map"), read("sop_class_iod_map")
    top, nested = defaultdict(dict), {}
    for iod, parts in iods.items():
        for attribute in (one for part in parts for one in modules.get(part["key"], ())):
            tag = tag_for_keyword(attribute["keyword"])
            if tag is None or f"{tag:08x}" not in combined or attribute["type"] not in RANK:
                continue
            rank = RANK[attribute["type"]]
            if attribute["path"]:
                parent = tag_for_keyword(attribute["path"][-1])
                if parent is not None:
                    nested[parent, tag] = min(rank, nested.get((parent, tag), 3))
            else:
                top[tag][iod] = min(rank, top[tag].get(iod, 3))
    used = set(classes.values())
    lines = [f"class\t{uid}\t{iod}" for uid, iod in sorted(classes.items())]
    for tag, types in sorted(top.items()):
        for rank in (1, 2):
            of_rank = sorted(iod for iod, found in types.items() if found == rank and iod in used)
            if of_rank:
                lines.append(f"top\t{tag:08x}\t{rank}\t{' '.join(of_rank)}")
    lines += [f"in\t{parent:08x}\t{tag:08x}\t{rank}" for (parent, tag), rank in sorted(nested.items())]
    head = "# class UID IOD | top TAG TYPE IODs (3 where none is named) | in SEQUENCE TAG TYPE; made by make_tables.py\n"
    (HERE / "types.tsv").write_text(head + "\n".join(lines) + "\n")


if __name__ == "__main__":
    write_types(sys.argv[3], write_table(sys.argv[1], sys.argv[2]))
