"""Other people's sample files, each under a SOP Instance UID of its own. Run by itself, it fetches them."""

from __future__ import annotations

import subprocess
import tarfile
import tomllib
import zipfile
import zlib
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path

import pydicom
from pydicom import Dataset, dcmread
from pydicom.errors import InvalidDicomError
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

REPOSITORY = Path(__file__).parents[2]
DESCRIPTION = tomllib.loads(Path(__file__).with_name("pixel_samples.toml").read_text())
# pydicom's folder also holds sources, archives and dumps.
OTHER_FILES = {".py", ".pyc", ".md", ".txt", ".json", ".csv", ".dump", ".gz", ".zip", ".icc", ".toml", ".dat", ".sh", ""}


@dataclass(frozen=True)
class Sample:
    """A file of a sample set, whose SOP Instance UID no other has."""

    name: str
    bytes: bytes

    @cached_property
    def dataset(self) -> Dataset:
        return dcmread(BytesIO(self.bytes))

    @property
    def transfer_syntax(self) -> UID:
        return self.dataset.file_meta.TransferSyntaxUID

    @property
    def address(self) -> str:
        """Where its instance is below `/dicomweb`."""
        dataset = self.dataset
        return (
            f"/studies/{dataset.StudyInstanceUID}/series/{dataset.SeriesInstanceUID}"
            f"/instances/{dataset.SOPInstanceUID}"
        )

    def described(self, kind: str) -> str | None:
        """Why this sample is of that kind, as `pixel_samples.toml` says; `None` if it is not."""
        return DESCRIPTION[kind].get(self.name)


def samples() -> list[Sample]:
    """The files of all sets, without those that are there twice."""
    files = {**pydicom_files(), **pydicom_data_files(), **cornerstone_files()}
    unique = {content: name for name, content in reversed(files.items())}
    by_name = sorted((name, content) for content, name in unique.items())
    mended = [(name, in_a_study(content) if name in DESCRIPTION["mended"] else content) for name, content in by_name]
    return [Sample(name, with_own_uid(content, number)) for number, (name, content) in enumerate(mended)]


def pydicom_files() -> dict[str, bytes]:
    folder = Path(pydicom.__file__).parent / "data"
    paths = [path for path in folder.rglob("*") if path.is_file() and not is_other(path.name)]
    return {f"pydicom/{path.relative_to(folder)}": path.read_bytes() for path in paths}


def pydicom_data_files() -> dict[str, bytes]:
    name, version, sha256 = DESCRIPTION["packages"]["pydicom-data"]
    with zipfile.ZipFile(fetched("wheel.sh", name, version, sha256)) as wheel:
        names = [name for name in wheel.namelist() if name.startswith("data_store/data/") and not is_other(name)]
        return {f"pydicom-data/{Path(name).name}": wheel.read(name) for name in names}


def cornerstone_files() -> dict[str, bytes]:
    name, version, sha256 = DESCRIPTION["packages"]["cornerstone"]
    with tarfile.open(fetched("npm.sh", name, version, sha256)) as package:
        files = [member for member in package if member.isfile() and "/testImages/" in member.name]
        return {
            f"cornerstone/{Path(member.name).name}": package.extractfile(member).read()
            for member in files
            if Path(member.name).suffix in (".dcm", "") and Path(member.name).name != "metadata"
        }


def is_other(name: str) -> bool:
    path = Path(name)
    # The files of a DICOMDIR have no suffix.
    return path.suffix in OTHER_FILES - {""} or path.name in ("README", "LICENSE")


def fetched(script: str, *pin: str) -> Path:
    """A package in the cache; set-up has fetched it, and the script has nothing to do then."""
    run = subprocess.run([REPOSITORY / "setup" / script, *pin], capture_output=True, text=True, check=True)
    return Path(run.stdout.strip())


def in_a_study(content: bytes) -> bytes:
    """Adds the UIDs without which nobody could ask for the instance."""
    dataset = dcmread(BytesIO(content))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID, dataset.SOPInstanceUID = "2.25.1", "2.25.2", "2.25.1000000"
    mended = BytesIO()
    dataset.save_as(mended)
    return mended.getvalue()


def with_own_uid(content: bytes, number: int) -> bytes:
    """Replaces the SOP Instance UID by another of the same length, and nothing else; what has none stays as it is."""
    try:
        dataset = dcmread(BytesIO(content), stop_before_pixels=True)
        old, syntax = str(dataset.SOPInstanceUID).encode(), dataset.file_meta.TransferSyntaxUID
    except (InvalidDicomError, AttributeError):
        return content
    # As many digits in each, so that none is the other's beginning.
    new = f"2.25.{1000 + number}".encode().ljust(len(old), b"7")
    assert len(new) == len(old), f"the UID {old} is too short to be replaced"
    if syntax != DeflatedExplicitVRLittleEndian:
        return content.replace(old, new)
    meta_bytes = 144 + dataset.file_meta.FileMetaInformationGroupLength
    inflated = zlib.decompress(content[meta_bytes:], -zlib.MAX_WBITS).replace(old, new)
    deflate = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    deflated = deflate.compress(inflated) + deflate.flush()
    return content[:meta_bytes].replace(old, new) + deflated + b"\0" * (len(deflated) % 2)


if __name__ == "__main__":
    print(f"{len(samples())} sample files are ready")
