"""Ophthalmic and dental objects go the whole way: in at every door, found, seen, and out again bit by bit."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy
import pytest
import requests
from lightbox import CACHE, PATIENCE_SECONDS, TOOLS, Server, run_tool
from PIL import Image
from pacs import free_port
from pydicom import Dataset, dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.pixels import pixel_array
from pydicom.uid import ImplicitVRLittleEndian
from test_dimse_qr import get

FOLDER = Path(os.environ.get("LIGHTBOX_SPECIALTIES", CACHE / "specialties"))
SPECIALTIES = json.loads((FOLDER / "specialties.json").read_text())["specialties"]
# How dcmtk's storescu proposes, and its getscu and movescu prefer, each object's syntax.
DCMTK = {
    "1.2.840.10008.1.2.4.50": ("--propose-jpeg8", "+xy"),
    "1.2.840.10008.1.2.4.80": ("--propose-jls-lossless", "+xt"),
    "1.2.840.10008.1.2.4.90": ("--propose-j2k-lossless", "+xv"),
    "1.2.840.10008.1.2.5": ("--propose-rle", "+xr"),
}
# dciodvfy demands these of a tomography and forbids them of whatever is no part of a concatenation.
CONTRADICTORY = ("ConcatenationFrameOffsetNumber", "InConcatenationNumber", "InConcatenationTotalNumber")
# Renderings are rounded, and colours of subsampled JPEG interpolated, differently.
GREY_DIFFERENCE_MAX = 1
COLOUR_DIFFERENCE_MEAN_MAX = 1.0

each = pytest.mark.parametrize("one", SPECIALTIES, ids=lambda one: one["file"])


class Archive:
    """A server to which `storescu` sent all objects."""

    def __init__(self, folder: Path):
        self.server = Server(folder)
        self.session = self.server.session()
        for title in ("FOREIGN", "GETSCU"):
            self.server.command("peer", "allow", title)
        for one in SPECIALTIES:
            propose, _ = DCMTK[one["transfer_syntax_uid"]]
            sent = self.tool("storescu", "--required", propose, FOLDER / one["file"])
            assert sent.returncode == 0, sent.stderr

    def tool(
        self, program: str, *arguments: str | Path, title: str = "FOREIGN", folder: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """A program of dcmtk, in that folder; files come after the address."""
        options = [argument for argument in arguments if not isinstance(argument, Path)]
        files = [argument for argument in arguments if isinstance(argument, Path)]
        address = [self.server.dicom_host, str(self.server.dicom_port)]
        return run_tool(program, "-aet", title, "-aec", "LIGHTBOX", *options, *address, *files, folder=folder)

    def get(self, address: str, accept: str) -> requests.Response:
        url = f"{self.server.http}/dicomweb{address}"
        answer = self.session.get(url, headers={"Accept": accept}, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200, answer.text
        return answer


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    archive = Archive(tmp_path_factory.mktemp("specialties"))
    yield archive
    archive.server.stop()


def address(one: dict) -> str:
    return (
        f"/studies/{one['study_instance_uid']}/series/{one['series_instance_uid']}/instances/{one['sop_instance_uid']}"
    )


def stored_bytes(one: dict) -> bytes:
    return (FOLDER / one["file"]).read_bytes()


def data_set_bytes(file: bytes) -> bytes:
    """What follows group 0002, which every application writes anew."""
    return file[144 + dcmread(BytesIO(file), stop_before_pixels=True).file_meta.FileMetaInformationGroupLength :]


@each
def test_the_object_is_what_it_says(one: dict) -> None:
    run = subprocess.run([TOOLS / "dciodvfy", FOLDER / one["file"]], capture_output=True, text=True, check=False)
    lines = [line for line in (run.stdout + run.stderr).splitlines() if line.startswith(("Error", "Abort"))]
    if one["modality"] == "OPT":
        lines = [line for line in lines if not any(f"<{keyword}>" in line for keyword in CONTRADICTORY)]
    assert lines == []


@each
def test_it_enters_by_stow_as_the_same(archive: Archive, one: dict) -> None:
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + stored_bytes(one) + b"\r\n--b--\r\n"
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    url = f"{archive.server.http}/dicomweb/studies"
    answer = archive.session.post(url, data=body, headers={"Content-Type": kind}, timeout=PATIENCE_SECONDS)
    assert answer.status_code == 200, answer.text
    instances = archive.get(f"/studies/{one['study_instance_uid']}/instances", "application/dicom+json").json()
    assert [row["00080018"]["Value"] for row in instances] == [[one["sop_instance_uid"]]]


@each
def test_it_is_found_by_its_modality(archive: Archive, one: dict, tmp_path: Path) -> None:
    for path in (f"/studies?ModalitiesInStudy={one['modality']}", f"/series?Modality={one['modality']}"):
        rows = archive.get(path, "application/dicom+json").json()
        assert [row["0020000D"]["Value"] for row in rows] == [[one["study_instance_uid"]]], path
    keys = ["QueryRetrieveLevel=SERIES", f"StudyInstanceUID={one['study_instance_uid']}", "SeriesInstanceUID"]
    keys.append(f"Modality={one['modality']}")
    arguments = [part for key in keys for part in ("-k", key)]
    found = archive.tool("findscu", "-S", "-X", "-od", str(tmp_path), *arguments)
    assert found.returncode == 0, found.stderr
    responses = [dcmread(file, force=True) for file in tmp_path.iterdir()]
    assert [response.SeriesInstanceUID for response in responses] == [one["series_instance_uid"]]


def test_the_panoramic_film_is_found_by_its_body_part(archive: Archive) -> None:
    rows = archive.get("/series?BodyPartExamined=JAW", "application/dicom+json").json()
    assert [row["00080060"]["Value"] for row in rows] == [["PX"]]


def test_teeth_are_told_of(archive: Archive) -> None:
    [film] = [one for one in SPECIALTIES if one["modality"] == "IO"]
    [metadata] = archive.get(f"{address(film)}/metadata", "application/dicom+json").json()
    told = [item["00080104"]["Value"][0] for item in metadata["00082228"]["Value"]]
    teeth = dcmread(BytesIO(stored_bytes(film))).PrimaryAnatomicStructureSequence
    assert told == [tooth.CodeMeaning for tooth in teeth] and len(told) == 3


@each
def test_it_leaves_by_wado_and_in_an_archive_bit_by_bit(archive: Archive, one: dict, tmp_path: Path) -> None:
    left = [archive.get(address(one), "application/dicom; transfer-syntax=*").content]
    exported = tmp_path / "study.zip"
    archive.server.command("export", one["study_instance_uid"], "--to", str(exported))
    with zipfile.ZipFile(exported) as files:
        left += [files.read(name) for name in files.namelist() if name.startswith("DICOM/")]
    # Group 0002 is ours, since the object came by C-STORE.
    assert [data_set_bytes(file) for file in left] == [data_set_bytes(stored_bytes(one))] * 2


@each
@pytest.mark.parametrize("program", ["getscu", "movescu"])
def test_it_leaves_to_dcmtk_bit_by_bit(archive: Archive, one: dict, program: str, tmp_path: Path) -> None:
    _, prefer = DCMTK[one["transfer_syntax_uid"]]
    keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={one['study_instance_uid']}"]
    arguments = ["-S", "+B", prefer, *keys]
    title = f"{program}-{one['modality']}".upper()
    if program == "movescu":
        port = str(free_port())
        arguments += ["--move", title, "--port", port]
        archive.server.command("peer", "allow", title, "--host", "127.0.0.1", "--port", port)
    else:
        archive.server.command("peer", "allow", title)
    # Where they run: with +B, movescu does not heed its option for the folder.
    ran = archive.tool(program, *arguments, title=title, folder=tmp_path)
    assert ran.returncode == 0, ran.stderr
    [received] = list(tmp_path.iterdir())
    assert data_set_bytes(received.read_bytes()) == data_set_bytes(stored_bytes(one))


@each
def test_a_peer_that_knows_one_syntax_gets_its_pixels(archive: Archive, one: dict) -> None:
    image = dcmread(BytesIO(stored_bytes(one)))
    [got] = get(archive.server, image, ImplicitVRLittleEndian)
    assert got.SOPInstanceUID == one["sop_instance_uid"] and got.get("NumberOfFrames") == image.get("NumberOfFrames")
    # What comes over an association has no group 0002; the only context was of this syntax.
    got.file_meta = FileMetaDataset()
    got.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    close(pixel_array(got), pixel_array(image))


@each
def test_it_is_rendered_as_others_see_it(archive: Archive, one: dict) -> None:
    expected = shown(dcmread(BytesIO(stored_bytes(one))))
    for number in sorted({1, one["frames"]}):
        answer = archive.get(f"{address(one)}/frames/{number}/rendered", "image/png")
        close(numpy.asarray(Image.open(BytesIO(answer.content))), expected[number - 1])
    thumbnail = Image.open(BytesIO(archive.get(f"{address(one)}/thumbnail", "image/jpeg").content))
    assert max(thumbnail.size) < max(expected[0].shape)
    middle = expected[(one["frames"] - 1) // 2]
    assert abs(numpy.asarray(thumbnail.convert("L")).mean() - luminance(middle).mean()) < 4


def shown(image: Dataset) -> list[numpy.ndarray]:
    """The frames as 8-bit greys over the whole range, which is the window that these have, or as RGB."""
    frames = pixel_array(image)
    if image.SamplesPerPixel == 3:
        return [frames]
    greys = numpy.rint(frames / (2**image.BitsStored - 1) * 255)
    return list(greys) if greys.ndim == 3 else [greys]


def luminance(image: numpy.ndarray) -> numpy.ndarray:
    return image if image.ndim == 2 else numpy.asarray(Image.fromarray(image).convert("L"))


def close(actual: numpy.ndarray, expected: numpy.ndarray) -> None:
    assert actual.shape == expected.shape
    differences = numpy.abs(actual.astype(numpy.int64) - expected.astype(numpy.int64))
    if actual.shape[-1] == 3:
        assert differences.mean() <= COLOUR_DIFFERENCE_MEAN_MAX
    else:
        assert differences.max() <= GREY_DIFFERENCE_MAX


def test_all_of_it_is_intact(archive: Archive) -> None:
    verified = json.loads(archive.server.command("verify", "--json"))
    assert verified["ok"] and verified["files"] == len(SPECIALTIES)
