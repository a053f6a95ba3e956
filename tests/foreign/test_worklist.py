"""The worklist as another system uses it: data sets made and read by pydicom, sent by requests (PS3.18 §11)."""

from __future__ import annotations

import requests
from lightbox import PATIENCE_SECONDS, Server
from pydicom import Dataset, Sequence
from pydicom.uid import generate_uid

JSON = {"Content-Type": "application/dicom+json", "Accept": "application/dicom+json"}

# IHE AIW-I: what an orchestrator leaves empty when it knows nothing of it.
EMPTY = [
    "CommentsOnTheScheduledProcedureStep",
    "PatientBirthDate",
    "PatientSex",
    "AdmissionID",
    "AdmittingDiagnosesDescription",
]
EMPTY_SEQUENCES = [
    "ScheduledProcessingParametersSequence",
    "ScheduledStationClassCodeSequence",
    "ScheduledStationGeographicLocationCodeSequence",
    "OtherPatientIDsSequence",
    "IssuerOfAdmissionIDSequence",
    "AdmittingDiagnosesCodeSequence",
    "ReferencedRequestSequence",
    "ProcedureStepProgressInformationSequence",
    "UnifiedProcedureStepPerformedProcedureSequence",
]


def code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def workitem(study: str) -> Dataset:
    item = Dataset()
    item.SpecificCharacterSet = "ISO_IR 192"
    item.ProcedureStepState = "SCHEDULED"
    item.ScheduledProcedureStepPriority = "HIGH"
    item.ProcedureStepLabel = "Find pneumonia"
    item.WorklistLabel = "AI"
    item.ScheduledProcedureStepStartDateTime = "20260102101500"
    item.InputReadinessState = "READY"
    item.PatientName = "Wang^XiaoDong=王^小東"
    item.PatientID = "P1"
    item.ScheduledStationNameCodeSequence = Sequence([code("AI1", "99SITE", "The reader")])
    item.ScheduledWorkitemCodeSequence = Sequence([code("110005", "DCM", "Interpretation")])
    source = Dataset()
    source.StudyInstanceUID = study
    item.InputInformationSequence = Sequence([source])
    for keyword in EMPTY:
        setattr(item, keyword, None)
    for keyword in EMPTY_SEQUENCES:
        setattr(item, keyword, Sequence([]))
    return item


class Worklist:
    """One client's view of the worklist."""

    def __init__(self, server: Server):
        self.session = server.session()
        self.url = f"{server.http}/dicomweb/workitems"

    def send(self, method: str, path: str, data_set: Dataset) -> requests.Response:
        body = data_set.to_json()
        return self.session.request(method, self.url + path, data=body, headers=JSON, timeout=PATIENCE_SECONDS)

    def read(self, path: str) -> list[Dataset]:
        answer = self.session.get(self.url + path, headers=JSON, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return [Dataset.from_json(one) for one in answer.json()]

    def change(self, uid: str, state: str, transaction: str) -> requests.Response:
        action = Dataset()
        action.ProcedureStepState, action.TransactionUID = state, transaction
        return self.send("PUT", f"/{uid}/state", action)


def test_a_reader_finds_claims_and_completes_what_an_orchestrator_offers(server: Server) -> None:
    worklist, study, uid, transaction = Worklist(server), generate_uid(), generate_uid(), generate_uid()
    offered = workitem(study)
    created = worklist.send("POST", f"?workitem={uid}", offered)
    assert (created.status_code, created.headers["Content-Location"]) == (201, f"{worklist.url}/{uid}")

    query = "?ProcedureStepState=SCHEDULED&ScheduledStationNameCodeSequence.CodeValue=AI1&InputReadinessState=READY"
    [found] = worklist.read(query)
    assert (found.SOPInstanceUID, found.InputInformationSequence[0].StudyInstanceUID) == (uid, study)
    assert worklist.change(uid, "IN PROGRESS", transaction).status_code == 200
    assert worklist.read(query) == []
    assert worklist.change(uid, "COMPLETED", generate_uid()).status_code == 400

    step = Dataset()
    step.PerformedStationNameCodeSequence = Sequence([code("AI1", "99SITE", "The reader")])
    step.PerformedProcedureStepStartDateTime = "20260102101600"
    step.PerformedProcedureStepEndDateTime = "20260102101601"
    step.PerformedWorkitemCodeSequence = Sequence([code("110005", "DCM", "Interpretation")])
    step.OutputInformationSequence = Sequence([])
    performed = Dataset()
    performed.UnifiedProcedureStepPerformedProcedureSequence = Sequence([step])
    assert worklist.send("POST", f"/{uid}?transaction-uid={transaction}", performed).status_code == 200
    assert worklist.change(uid, "COMPLETED", transaction).status_code == 200

    [done] = worklist.read(f"/{uid}")
    assert done.ProcedureStepState == "COMPLETED"
    assert "TransactionUID" not in done
    changed = {"ProcedureStepState", "UnifiedProcedureStepPerformedProcedureSequence"}
    for element in offered:
        if element.keyword not in changed:
            read = done[element.tag]
            assert read.VR == element.VR
            assert read.is_empty == element.is_empty
            assert element.is_empty or read.value == element.value, element.keyword


def test_what_lacks_an_attribute_is_refused_by_name(server: Server) -> None:
    item = workitem(generate_uid())
    del item.InputReadinessState
    refused = Worklist(server).send("POST", "", item)
    assert refused.status_code == 400
    assert refused.json()["detail"] == "InputReadinessState must have a value"
