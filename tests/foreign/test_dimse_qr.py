"""Query and retrieve, in both directions, with programs that others wrote."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from queue import Queue

import pytest
from lightbox import PATIENCE_SECONDS, Server, run_tool, samples, wait_for
from pacs import Dcmqrscp, Orthanc
from pydicom import Dataset, dcmread
from pydicom.data import get_charset_files
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, build_role, evt
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.sop_class import (
    PatientRootQueryRetrieveInformationModelFind,
    StorageCommitmentPushModel,
    StorageCommitmentPushModelInstance,
    StudyRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelGet,
    StudyRootQueryRetrieveInformationModelMove,
)
from test_dimse import associate, store, stored

CHARACTER_SETS = ["chrGerm", "chrFren", "chrRuss", "chrGreek", "chrX1", "chrX2", "chrH31", "chrH32", "chrI2"]


def find(server: Server, model: str, keys: Dataset) -> list[Dataset]:
    """The matches of a query, which must end well."""
    association = associate(server, [(model, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])])
    answers = list(association.send_c_find(keys, model))
    association.release()
    assert [status.Status for status, _ in answers[-1:]] == [0x0000]
    return [match for _, match in answers[:-1]]


def test_extended_negotiation_says_what_is_done(server: Server) -> None:
    image = dcmread(get_charset_files("chrGerm.dcm")[0])
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = (generate_uid() for _ in range(3))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.StudyDate, image.StudyTime = "20060706", "0300"
    assert store(server, image) == [0x0000]
    keys = study_keys(StudyDate="20060705-20060707", StudyInstanceUID=image.StudyInstanceUID)
    keys.StudyTime = "1000-1800"
    model = StudyRootQueryRetrieveInformationModelFind
    assert find(server, model, keys) == [], "at three in the morning, on any of the days"
    # Relational queries, combined date and time, fuzzy names, time zone adjustment.
    for asked, agreed, found in [(b"\1\1\1\1", b"\1\1\1\0", 1), (b"\0\1", b"\0\1", 1), (b"\1\0\1", b"\1\0\1", 0)]:
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid, item.service_class_application_information = model, asked
        ae = AE(ae_title="FOREIGN")
        ae.add_requested_context(model)
        association = ae.associate(server.dicom_host, server.dicom_port, ext_neg=[item])
        assert association.acceptor.sop_class_extended == {model: agreed}
        answers = list(association.send_c_find(keys, model))
        association.release()
        assert len(answers) - 1 == found, asked


def study_keys(**values: str) -> Dataset:
    keys = Dataset()
    keys.QueryRetrieveLevel = "STUDY"
    for keyword in ["PatientName", "PatientID", "StudyInstanceUID", "StudyDate", "ModalitiesInStudy"]:
        setattr(keys, keyword, values.get(keyword, ""))
    return keys


@pytest.mark.parametrize("name", CHARACTER_SETS)
def test_names_are_found_in_their_own_character_set(server: Server, name: str) -> None:
    image = dcmread(get_charset_files(f"{name}.dcm")[0])
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = (generate_uid() for _ in range(3))
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    assert store(server, image) == [0x0000]
    keys = study_keys(PatientName=image.PatientName)
    keys.SpecificCharacterSet = image.SpecificCharacterSet
    matches = find(server, StudyRootQueryRetrieveInformationModelFind, keys)
    found = {match.StudyInstanceUID: match.PatientName for match in matches}
    assert found[image.StudyInstanceUID] == image.PatientName
    keys.PatientName = "Nobody^Here"
    assert find(server, StudyRootQueryRetrieveInformationModelFind, keys) == []


def test_patients_are_counted(server: Server, film: Dataset) -> None:
    film.PatientID = generate_uid()[-16:]
    other = copy.deepcopy(film)
    other.StudyInstanceUID, other.SeriesInstanceUID, other.SOPInstanceUID = (generate_uid() for _ in range(3))
    other.file_meta.MediaStorageSOPInstanceUID = other.SOPInstanceUID
    assert store(server, film, other) == [0x0000, 0x0000]
    keys = Dataset()
    keys.QueryRetrieveLevel = "PATIENT"
    keys.PatientID = film.PatientID
    keys.NumberOfPatientRelatedStudies = None
    keys.NumberOfPatientRelatedInstances = None
    [match] = find(server, PatientRootQueryRetrieveInformationModelFind, keys)
    assert (match.NumberOfPatientRelatedStudies, match.NumberOfPatientRelatedInstances) == (2, 2)
    assert match.RetrieveAETitle == "LIGHTBOX"


def test_pynetdicom_moves_to_its_own_scp(server: Server, film: Dataset) -> None:
    assert store(server, film) == [0x0000]
    got: list[Dataset] = []

    def keep(event: evt.Event) -> int:
        got.append(event.dataset)
        assert event.request.MoveOriginatorApplicationEntityTitle == "FOREIGN"
        return 0x0000

    ae = AE(ae_title="DESTINATION")
    ae.add_supported_context(film.SOPClassUID, [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
    scp = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, keep)])
    port = scp.server_address[1]
    server.command("peer", "allow", "DESTINATION", "--host", "127.0.0.1", "--port", str(port))
    try:
        model = StudyRootQueryRetrieveInformationModelMove
        association = associate(server, [(model, [ExplicitVRLittleEndian])])
        keys = study_keys(StudyInstanceUID=film.StudyInstanceUID)
        statuses = [status for status, _ in association.send_c_move(keys, "DESTINATION", model)]
        unknown = [status.Status for status, _ in association.send_c_move(keys, "STRANGER", model)]
        association.release()
    finally:
        scp.shutdown()
    assert [status.Status for status in statuses] == [0xFF00, 0x0000]
    assert (statuses[-1].NumberOfCompletedSuboperations, statuses[-1].NumberOfFailedSuboperations) == (1, 0)
    assert unknown == [0xA801]
    assert [one.SOPInstanceUID for one in got] == [film.SOPInstanceUID]
    assert got[0].PixelData == film.PixelData


def get(server: Server, film: Dataset, transfer_syntax: str) -> list[Dataset]:
    """What a C-GET of the film's study brings to a caller that takes this syntax only; it must end well."""
    model, got = StudyRootQueryRetrieveInformationModelGet, []
    ae = AE(ae_title="FOREIGN")
    ae.add_requested_context(model)
    ae.add_requested_context(film.SOPClassUID, transfer_syntax)

    def keep(event: evt.Event) -> int:
        got.append(event.dataset)
        return 0x0000

    association = ae.associate(
        server.dicom_host,
        server.dicom_port,
        ext_neg=[build_role(film.SOPClassUID, scp_role=True)],
        evt_handlers=[(evt.EVT_C_STORE, keep)],
    )
    keys = study_keys(StudyInstanceUID=film.StudyInstanceUID)
    statuses = [status.Status for status, _ in association.send_c_get(keys, model)]
    association.release()
    assert statuses[-1] == 0x0000
    return got


def test_pynetdicom_gets(server: Server, film: Dataset) -> None:
    assert store(server, film) == [0x0000]
    got = get(server, film, ImplicitVRLittleEndian)
    assert [(one.SOPInstanceUID, one.PixelData) for one in got] == [(film.SOPInstanceUID, film.PixelData)]


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample["transfer_syntax_uid"])
def test_a_peer_gets_every_film_in_the_syntax_that_it_takes(server: Server, sample: dict) -> None:
    film = dcmread(sample["path"])
    assert store(server, film) == [0x0000]
    [got] = get(server, film, ImplicitVRLittleEndian)
    assert got.SOPInstanceUID == film.SOPInstanceUID
    assert len(got.PixelData) // 2 * 2 == got.Rows * got.Columns * got.SamplesPerPixel * got.BitsAllocated // 8


def test_findscu_is_answered(server: Server, film: Dataset, tmp_path: Path) -> None:
    assert store(server, film) == [0x0000]
    arguments = ["-S", "-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={film.StudyInstanceUID}"]
    address = [server.dicom_host, str(server.dicom_port)]
    found = run_tool("findscu", "-aet", "FOREIGN", *arguments, "-k", "PatientID", "-X", "-od", tmp_path, *address)
    assert found.returncode == 0, found.stderr
    [response] = [dcmread(file, force=True) for file in tmp_path.iterdir()]
    assert response.PatientID == film.PatientID


@pytest.fixture(scope="module")
def orthanc(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    yield from admitted(Orthanc(tmp_path_factory.mktemp("orthanc"), server), server)


@pytest.fixture(scope="module")
def dcmqrscp(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dcmqrscp]:
    yield from admitted(Dcmqrscp(tmp_path_factory.mktemp("dcmqrscp"), server), server)


def admitted(archive: Orthanc | Dcmqrscp, server: Server) -> Iterator[Orthanc | Dcmqrscp]:
    port = str(archive.dicom_port)
    server.command("peer", "allow", archive.title, "--host", "127.0.0.1", "--port", port)
    yield archive
    archive.stop()


def send(film: Dataset, port: int, title: str) -> None:
    ae = AE(ae_title="LIGHTBOX")
    ae.add_requested_context(film.SOPClassUID, film.file_meta.TransferSyntaxUID)
    association = ae.associate("127.0.0.1", port, ae_title=title)
    assert association.send_c_store(film).Status == 0x0000
    association.release()


@pytest.mark.parametrize("name", ["orthanc", "dcmqrscp"])
def test_priors_are_queried_and_retrieved(
    server: Server, name: str, film: Dataset, request: pytest.FixtureRequest
) -> None:
    archive = request.getfixturevalue(name)
    send(film, archive.dicom_port, archive.title)
    key = f"--key=StudyInstanceUID={film.StudyInstanceUID}"
    found = server.command("--json", "query", archive.title, "--level", "study", key, "--key", "PatientID")
    [found] = json.loads(found)
    assert (found["StudyInstanceUID"], found["PatientID"]) == (film.StudyInstanceUID, film.PatientID)
    assert json.loads(server.command("--json", "query", archive.title, "--key", "PatientID=NOBODY")) == []

    moved = json.loads(server.command("--json", "retrieve", archive.title, "--study", film.StudyInstanceUID))
    assert (moved["completed"], moved["failed"]) == (1, 0)
    assert stored(server, film) == [film.SOPInstanceUID]


def test_orthanc_queries_and_retrieves(server: Server, orthanc: Orthanc, film: Dataset) -> None:
    assert store(server, film) == [0x0000]
    query = {"Level": "Study", "Query": {"StudyInstanceUID": film.StudyInstanceUID, "PatientID": ""}}
    query_id = orthanc.post("/modalities/lightbox/query", query)["ID"]
    assert len(orthanc.get(f"/queries/{query_id}/answers")) == 1
    orthanc.post(f"/queries/{query_id}/answers/0/retrieve", orthanc.title.encode())
    wait_for("the film in Orthanc", lambda: film.SOPInstanceUID in orthanc.instances())

    references = [{"SOPClassUID": film.SOPClassUID, "SOPInstanceUID": uid} for uid in (film.SOPInstanceUID, "1.2.3")]
    transaction = orthanc.post("/modalities/lightbox/storage-commitment", {"DicomInstances": references})["ID"]

    def answered() -> dict | None:
        answer = orthanc.get(f"/storage-commitment/{transaction}")
        return None if answer["Status"] == "Pending" else answer

    answer = wait_for("the report on commitment", answered)
    assert [one["SOPInstanceUID"] for one in answer["Success"]] == [film.SOPInstanceUID]
    assert [(one["SOPInstanceUID"], one["FailureReason"]) for one in answer["Failures"]] == [("1.2.3", 0x0112)]


def test_pynetdicom_is_told_what_is_kept_where_it_asked(server: Server, film: Dataset) -> None:
    assert store(server, film) == [0x0000]
    reports: Queue[tuple[int, Dataset]] = Queue()

    def note(event: evt.Event) -> tuple[int, None]:
        reports.put((event.event_type, event.event_information))
        return 0x0000, None

    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = film.SOPClassUID, film.SOPInstanceUID
    request = Dataset()
    request.TransactionUID = generate_uid()
    request.ReferencedSOPSequence = [item]
    ae = AE(ae_title="FOREIGN")
    ae.add_requested_context(StorageCommitmentPushModel)
    handlers = [(evt.EVT_N_EVENT_REPORT, note)]
    association = ae.associate(server.dicom_host, server.dicom_port, evt_handlers=handlers)
    status, _ = association.send_n_action(request, 1, StorageCommitmentPushModel, StorageCommitmentPushModelInstance)
    assert status.Status == 0x0000
    event_type, report = reports.get(timeout=PATIENCE_SECONDS)
    association.release()
    assert (event_type, report.TransactionUID) == (1, request.TransactionUID)
    assert [one.ReferencedSOPInstanceUID for one in report.ReferencedSOPSequence] == [film.SOPInstanceUID]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An authority, a certificate for `localhost` and 127.0.0.1 of its, and one that signed itself."""
    folder = tmp_path_factory.mktemp("certificates")

    def openssl(*arguments: str) -> None:
        made = run_tool("openssl", *arguments)
        assert made.returncode == 0, made.stderr

    def own(name: str, subject: str, *more: str) -> list[str]:
        files = ["-keyout", str(folder / f"{name}.key"), "-out", str(folder / f"{name}.crt")]
        return ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", subject, *files, *more]

    names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE"]
    authority = ["-CA", str(folder / "ca.crt"), "-CAkey", str(folder / "ca.key")]
    openssl(*own("ca", "/CN=Test authority"))
    openssl(*own("stranger", "/CN=Stranger", *names))
    request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", str(folder / "node.key")]
    openssl(*request, "-out", str(folder / "node.csr"), *names)
    sign = ["x509", "-req", "-days", "2", "-copy_extensions", "copy", "-CAcreateserial", *authority]
    openssl(*sign, "-in", str(folder / "node.csr"), "-out", str(folder / "node.crt"))
    return folder


def test_dcmtk_calls_over_tls_with_a_certificate(certificates: Path, film: Dataset, tmp_path: Path) -> None:
    def file(name: str) -> str:
        return str(certificates / name)

    flags = [f"--dicom-tls-cert={file('node.crt')}", f"--dicom-tls-key={file('node.key')}"]
    flags.append(f"--dicom-tls-ca={file('ca.crt')}")
    secure = Server(tmp_path, arguments=["--dicom-tls", "127.0.0.1:0", *flags])
    try:
        secure.command("peer", "allow", "ECHOSCU")
        secure.command("peer", "allow", "STORESCU")
        port = str(secure.dicom_tls_port)
        trusted = ["+tls", file("node.key"), file("node.crt"), "+cf", file("ca.crt")]
        echoed = run_tool("echoscu", *trusted, "localhost", port)
        assert echoed.returncode == 0, echoed.stderr
        film.save_as(tmp_path / "film.dcm")
        sent = run_tool("storescu", *trusted, "localhost", port, str(tmp_path / "film.dcm"))
        assert sent.returncode == 0, sent.stderr
        assert stored(secure, film) == [film.SOPInstanceUID]

        stranger = ["+tls", file("stranger.key"), file("stranger.crt"), "+cf", file("ca.crt")]
        for refused in [stranger, ["+tla", "-ic"], []]:
            assert run_tool("echoscu", "-ta", "5", *refused, "localhost", port).returncode != 0, refused

        # Our own calls over TLS, to our own door.
        secure.command("peer", "allow", "LIGHTBOX", "--host", "127.0.0.1", "--port", port, "--tls")
        assert json.loads(secure.command("--json", "peer", "echo", "LIGHTBOX", *flags))["ok"] is True
    finally:
        secure.stop()
