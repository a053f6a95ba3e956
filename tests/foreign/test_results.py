"""What an app says reaches a PACS (pynetdicom as SCP) as objects that others can read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from lightbox import CACHE, TOOLS, Server, run_tool, samples, wait_for
from pydicom import Dataset, dcmread
from pynetdicom import AE, evt
from pynetdicom.sop_class import (
    Comprehensive3DSRStorage,
    ComprehensiveSRStorage,
    SecondaryCaptureImageStorage,
    Verification,
)
from pynetdicom.transport import ThreadedAssociationServer

APP = CACHE / "apps" / "cxr-pneumonia-0.1.0"
FILM = next(sample for sample in samples() if sample["label"] == "pneumonia")


@dataclass
class Pacs:
    """A peer that keeps what it gets."""

    port: int = 0
    got: list[Dataset] = field(default_factory=list)

    def keep(self, event: evt.Event) -> int:
        dataset = event.dataset
        dataset.file_meta = event.file_meta
        self.got.append(dataset)
        return 0x0000

    def of_class(self, sop_class: str) -> list[Dataset]:
        return [one for one in self.got if one.SOPClassUID == sop_class]


def serve(pacs: Pacs, sop_classes: list[str]) -> ThreadedAssociationServer:
    ae = AE(ae_title="PACS")
    for sop_class in [Verification, *sop_classes]:
        ae.add_supported_context(sop_class)
    server = ae.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_STORE, pacs.keep)])
    pacs.port = server.server_address[1]
    return server


@pytest.fixture(params=[Comprehensive3DSRStorage, ComprehensiveSRStorage], ids=["3D reports", "plain reports"])
def pacs(request: pytest.FixtureRequest) -> Iterator[Pacs]:
    """A PACS that takes captures, and reports of one of the two kinds."""
    pacs = Pacs()
    server = serve(pacs, [SecondaryCaptureImageStorage, request.param])
    yield pacs
    server.shutdown()


@pytest.fixture
def lightbox(tmp_path: Path, pacs: Pacs) -> Iterator[Server]:
    server = Server(tmp_path)
    server.command("peer", "allow", "CR1")
    server.command("peer", "allow", "PACS", "--host", "127.0.0.1", "--port", str(pacs.port), "--results")
    server.command("deploy", str(APP))
    yield server
    server.stop()


def test_a_report_and_a_capture_reach_the_pacs(lightbox: Server, pacs: Pacs, tmp_path: Path) -> None:
    film = dcmread(FILM["path"])
    ae = AE(ae_title="CR1")
    ae.add_requested_context(film.SOPClassUID, [film.file_meta.TransferSyntaxUID])
    association = ae.associate(lightbox.dicom_host, lightbox.dicom_port)
    assert association.send_c_store(film).Status == 0x0000
    association.release()

    [capture] = wait_for("the capture", lambda: pacs.of_class(SecondaryCaptureImageStorage))
    [report] = [one for one in pacs.got if one is not capture]
    for result in (report, capture):
        assert result.StudyInstanceUID == film.StudyInstanceUID
        assert (result.PatientID, result.PatientName) == (film.PatientID, film.PatientName)
        assert result.Manufacturer == "Lightbox"
        assert_conforms(result, tmp_path / f"{result.Modality}.dcm")
    assert len({film.SeriesInstanceUID, report.SeriesInstanceUID, capture.SeriesInstanceUID}) == 3
    assert report.ContentTemplateSequence[0].TemplateIdentifier == "1500"
    assert film.SOPInstanceUID in {one.ReferencedSOPInstanceUID for one in references(report)}
    assert any(abs(value - FILM["expected_probability"]) < 1e-4 for value in numbers(report)), "the score is in it"

    def delivered() -> bool:
        events = lightbox.get("/api/v1/events?limit=1000")["items"]
        return sum(event["action"] == "result.delivered" for event in events) == 2

    wait_for("two deliveries in the log", delivered)


def test_a_peer_answers_the_test_button(lightbox: Server) -> None:
    answer = lightbox.session().post(f"{lightbox.http}/api/v1/peers/PACS/echo", timeout=30)
    assert answer.json()["ok"], answer.text


def items(dataset: Dataset) -> Iterator[Dataset]:
    for item in dataset.get("ContentSequence", []):
        yield item
        yield from items(item)


def references(report: Dataset) -> Iterator[Dataset]:
    for item in items(report):
        yield from item.get("ReferencedSOPSequence", [])


def numbers(report: Dataset) -> Iterator[float]:
    for item in items(report):
        for value in item.get("MeasuredValueSequence", []):
            yield float(value.NumericValue)


def assert_conforms(result: Dataset, path: Path) -> None:
    """David Clunie's validator finds no error in it."""
    result.save_as(path, enforce_file_format=True)
    checked = run_tool(TOOLS / "dciodvfy", path)
    said = checked.stdout + checked.stderr
    assert said.strip(), "it names the IOD at least"
    assert not [line for line in said.splitlines() if line.startswith("Error")], said
