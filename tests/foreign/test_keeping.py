"""What is kept: compressed and given back, taken along, replaced or refused, and compared with what a modality lists."""

from __future__ import annotations

import copy
import json
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
import requests
from lightbox import BINARY, PATIENCE_SECONDS, TOOLS, Server, run_tool, wait_for
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file
from pydicom.fileset import FileSet
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, JPEGLSLossless, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.sop_class import ModalityPerformedProcedureStep, StudyRootQueryRetrieveInformationModelGet
from test_dimse import associate, store

SETTINGS = """
[limits]
listed_wait_seconds_max = 0

[[lifecycle]]
name = "all"
action = "compress"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that compresses everything and waits for nothing."""
    folder = tmp_path_factory.mktemp("keeping")
    (folder / "data").mkdir()
    (folder / "data" / "lightbox.toml").write_text(SETTINGS)
    server = Server(folder)
    server.command("peer", "allow", "FOREIGN")
    yield server
    server.stop()


def data_set(file: bytes) -> bytes:
    """A Part 10 file without preamble and group 0002."""
    return file[144 + dcmread(BytesIO(file)).file_meta.FileMetaInformationGroupLength :]


def c_get(server: Server, image: Dataset, transfer_syntax: str) -> bytes:
    """The image's data set as it comes by C-GET to a caller that takes this syntax only."""
    model, got = StudyRootQueryRetrieveInformationModelGet, []
    ae = AE(ae_title="FOREIGN")
    ae.add_requested_context(model)
    ae.add_requested_context(image.SOPClassUID, transfer_syntax)

    def keep(event: evt.Event) -> int:
        got.append(event.request.DataSet.getvalue())
        return 0x0000

    role = build_role(image.SOPClassUID, scp_role=True)
    handlers = [(evt.EVT_C_STORE, keep)]
    association = ae.associate(server.dicom_host, server.dicom_port, ext_neg=[role], evt_handlers=handlers)
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyInstanceUID = image.StudyInstanceUID
    statuses = [status.Status for status, _ in association.send_c_get(keys, model)]
    association.release()
    assert (statuses[-1], len(got)) == (0x0000, 1)
    return got[0]


def stow(server: Server, file: bytes) -> int:
    content_type = 'multipart/related; type="application/dicom"; boundary=b'
    body = b"--b\r\nContent-Type: application/dicom\r\n\r\n" + file + b"\r\n--b--\r\n"
    headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
    answer = server.session().post(
        f"{server.http}/dicomweb/studies", data=body, headers=headers, timeout=PATIENCE_SECONDS
    )
    return answer.status_code


def instance_of(server: Server, image: Dataset, transfer_syntax: str) -> bytes:
    """The instance as WADO-RS gives it in a syntax."""
    url = f"/dicomweb/studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}/instances/{image.SOPInstanceUID}"
    headers = {"Accept": f"application/dicom; transfer-syntax={transfer_syntax}"}
    answer = server.session().get(server.http + url, headers=headers, timeout=PATIENCE_SECONDS)
    answer.raise_for_status()
    return answer.content


def octets(server: Server, image: Dataset, path: str, **headers: str) -> requests.Response:
    """What is below the instance, native."""
    url = f"/dicomweb/studies/{image.StudyInstanceUID}/series/{image.SeriesInstanceUID}/instances/{image.SOPInstanceUID}"
    headers = {"Accept": "application/octet-stream"} | headers
    answer = server.session().get(server.http + url + path, headers=headers, timeout=PATIENCE_SECONDS)
    answer.raise_for_status()
    return answer


def available(server: Server, image: Dataset) -> str:
    [found] = server.get(f"/dicomweb/instances?SOPInstanceUID={image.SOPInstanceUID}&includefield=00083002")
    return found["00083002"]["Value"][0]


@pytest.mark.parametrize(
    ("name", "syntax"), [("CT_small.dcm", ExplicitVRLittleEndian), ("MR_small_implicit.dcm", ImplicitVRLittleEndian)]
)
def test_what_is_kept_compressed_is_given_back_as_it_came(
    server: Server, tmp_path: Path, name: str, syntax: str
) -> None:
    file = Path(get_testdata_file(name)).read_bytes()
    image = dcmread(BytesIO(file))
    assert stow(server, file) == 200
    before = instance_of(server, image, "*")
    server.command("lifecycle")
    wait_for("the series to be compressed", lambda: available(server, image) == JPEGLSLossless)

    assert c_get(server, image, syntax) == data_set(file)
    # On the web there is no implicit VR (PS3.18 §8.7.3.5).
    if syntax == ExplicitVRLittleEndian:
        assert data_set(instance_of(server, image, syntax)) == data_set(file)
    assert instance_of(server, image, "*") != before
    assert stow(server, file) == 200, "the same again is no conflict"
    for option, wanted in [("-xe", ExplicitVRLittleEndian), ("+xt", JPEGLSLossless)]:
        folder = tmp_path / option
        folder.mkdir()
        keys = ["-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={image.StudyInstanceUID}"]
        address = ["-aet", "FOREIGN", "-aec", "LIGHTBOX", server.dicom_host, str(server.dicom_port)]
        got = run_tool("getscu", "-S", option, "-od", folder, *keys, *address)
        assert got.returncode == 0, got.stderr
        [path] = folder.iterdir()
        read = dcmread(path)
        assert read.file_meta.TransferSyntaxUID == wanted
        assert (read.pixel_array == image.pixel_array).all()
    assert server.get("/api/v1/system/activity")["saved_bytes"] > 0
    sentences = [step["sentence"] for step in server.get(f"/api/v1/studies/{image.StudyInstanceUID}/timeline")["steps"]]
    assert any(sentence.startswith("Compressed 1 instance without loss") for sentence in sentences), sentences
    assert json.loads(server.command("verify", "--json"))["ok"]


def test_nobody_notices_that_it_is_compressed(server: Server, film: Dataset, tmp_path: Path) -> None:
    assert store(server, film) == [0]
    path = f"/dicomweb/studies/{film.StudyInstanceUID}/series/{film.SeriesInstanceUID}/metadata"
    [metadata], frame = server.get(path), octets(server, film, "/frames/1")
    assert frame.content == film.PixelData
    server.command("lifecycle")
    wait_for("the series to be compressed", lambda: available(server, film) == JPEGLSLossless)

    [after] = server.get(path)
    assert metadata | {"7FE00010": None} == after | {"7FE00010": None}
    again = octets(server, film, "/frames/1", **{"If-None-Match": frame.headers["ETag"]})
    assert again.content == film.PixelData and again.headers["ETag"] != frame.headers["ETag"]
    piece = octets(server, film, "/bulkdata/7FE00010", Range="bytes=1000-1999")
    assert (piece.status_code, piece.content) == (206, film.PixelData[1000:2000])
    assert octets(server, film, "/rendered", Accept="image/png").content.startswith(b"\x89PNG")
    assert store(server, film) == [0]

    backup, restored = str(tmp_path / "backup"), tmp_path / "restored"
    server.command("backup", backup)
    assert run_tool(BINARY, "restore", backup, "--data", restored).returncode == 0
    verified = run_tool(BINARY, "verify", "--json", "--data", restored)
    assert json.loads(verified.stdout)["ok"], verified.stdout


def test_what_is_taken_along_is_a_file_set(server: Server, film: Dataset, tmp_path: Path) -> None:
    second = copy.deepcopy(film)
    second.SeriesInstanceUID, second.SOPInstanceUID = generate_uid(), generate_uid()
    second.file_meta.MediaStorageSOPInstanceUID = second.SOPInstanceUID
    assert store(server, film, second) == [0, 0]
    url = f"{server.http}/api/v1/studies/{film.StudyInstanceUID}/export"
    answer = server.session().get(url, timeout=PATIENCE_SECONDS)
    with zipfile.ZipFile(BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    instances = list(FileSet(tmp_path / "DICOMDIR"))
    assert {one.SOPInstanceUID for one in instances} == {film.SOPInstanceUID, second.SOPInstanceUID}
    assert all(dcmread(one.path).SOPInstanceUID == one.SOPInstanceUID for one in instances)
    dumped = run_tool("dcmdump", tmp_path / "DICOMDIR")
    assert dumped.returncode == 0 and dumped.stderr == ""
    assert dumped.stdout.count("DirectoryRecordType") == 6
    listed = run_tool(TOOLS / "dcdirdmp", tmp_path / "DICOMDIR")
    assert listed.returncode == 0, listed.stderr
    assert "Error" not in listed.stderr


def test_a_peer_may_replace_or_is_refused(server: Server, film: Dataset) -> None:
    other = copy.deepcopy(film)
    other.PatientComments = "another version"
    assert store(server, film) == [0x0000]
    server.command("peer", "allow", "FOREIGN", "--conflicts", "refuse")
    assert store(server, other) == [0xC111]
    server.command("peer", "allow", "FOREIGN", "--conflicts", "replace")
    assert store(server, other) == [0x0000]
    assert dcmread(BytesIO(instance_of(server, film, "*"))).PatientComments == "another version"
    server.command("peer", "allow", "FOREIGN")
    assert store(server, film) == [0xB000]


def test_what_a_modality_lists_is_compared_with_what_came(server: Server, film: Dataset) -> None:
    second = copy.deepcopy(film)
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    step, association = generate_uid(), associate(server, [(ModalityPerformedProcedureStep, [ExplicitVRLittleEndian])])
    begun = Dataset()
    begun.PerformedProcedureStepStatus = "IN PROGRESS"
    begun.Modality = film.Modality
    scheduled = Dataset()
    scheduled.StudyInstanceUID = film.StudyInstanceUID
    begun.ScheduledStepAttributesSequence = [scheduled]
    assert association.send_n_create(begun, ModalityPerformedProcedureStep, step)[0].Status == 0
    assert store(server, film) == [0x0000]

    series = Dataset()
    series.SeriesInstanceUID = film.SeriesInstanceUID
    series.ReferencedImageSequence = [Dataset(), Dataset()]
    for reference, listed in zip(series.ReferencedImageSequence, [film, second], strict=True):
        reference.ReferencedSOPClassUID, reference.ReferencedSOPInstanceUID = listed.SOPClassUID, listed.SOPInstanceUID
    ended = Dataset()
    ended.PerformedProcedureStepStatus = "COMPLETED"
    ended.PerformedSeriesSequence = [series]
    assert association.send_n_set(ended, ModalityPerformedProcedureStep, step)[0].Status == 0
    association.release()

    def incomplete() -> str | None:
        return server.get(f"/api/v1/studies/{film.StudyInstanceUID}")["incomplete"]

    wait_for("the study to be incomplete", lambda: incomplete() == "1 of 2 not received")
    assert store(server, second) == [0x0000]
    wait_for("the study to be complete", lambda: incomplete() is None)
    steps = server.get(f"/api/v1/studies/{film.StudyInstanceUID}/timeline")["steps"]
    sentences = [step["sentence"] for step in steps]
    assert "All that FOREIGN lists is here: 2 instances." in sentences, sentences
    assert any(step["outcome"] == "problem" and step["reason"].startswith("1 of 2 listed") for step in steps), steps
