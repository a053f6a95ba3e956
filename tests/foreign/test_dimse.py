"""pynetdicom as SCU against the DIMSE door."""

from __future__ import annotations

import copy
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest
from lightbox import Server, samples
from pydicom import Dataset, dcmread
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian, generate_uid
from pynetdicom import AE, AllStoragePresentationContexts
from pynetdicom.association import Association
from pynetdicom.sop_class import (
    ComputedRadiographyImageStorage,
    ModalityWorklistInformationFind,
    Verification,
)

REJECTED_PERMANENT, BY_SERVICE_USER, CALLING_TITLE_NOT_RECOGNIZED = 1, 1, 3


def associate(server: Server, contexts: list[tuple[str, list[str]]], calling: str = "FOREIGN") -> Association:
    ae = AE(ae_title=calling)
    for abstract_syntax, transfer_syntaxes in contexts:
        ae.add_requested_context(abstract_syntax, transfer_syntaxes)
    return ae.associate(server.dicom_host, server.dicom_port, ae_title="LIGHTBOX")


def store(server: Server, *objects: Dataset) -> list[int]:
    """Stores each object in the syntax that it has; gives the statuses."""
    kinds = {(one.SOPClassUID, one.file_meta.TransferSyntaxUID) for one in objects}
    association = associate(server, [(sop_class, [syntax]) for sop_class, syntax in kinds])
    assert association.is_established
    statuses = [association.send_c_store(one).Status for one in objects]
    association.release()
    return statuses


def stored(server: Server, study: Dataset) -> list[str]:
    instances = server.get(f"/dicomweb/studies/{study.StudyInstanceUID}/instances")
    return sorted(instance["00080018"]["Value"][0] for instance in instances)


def test_echo(server: Server) -> None:
    association = associate(server, [(Verification, [ImplicitVRLittleEndian])])
    assert [association.send_c_echo().Status for _ in range(3)] == [0, 0, 0]
    association.release()
    assert association.is_released


def test_all_storage_classes_are_accepted_in_one_association(server: Server) -> None:
    ae = AE(ae_title="FOREIGN")
    ae.requested_contexts = AllStoragePresentationContexts[:128]
    association = ae.associate(server.dicom_host, server.dicom_port)
    assert association.is_established
    assert association.rejected_contexts == []
    # Listed first is Implicit VR; what loses nothing is preferred.
    assert {context.transfer_syntax[0] for context in association.accepted_contexts} == {ExplicitVRLittleEndian}
    association.release()


def test_a_worklist_is_not_offered(server: Server) -> None:
    contexts = [(Verification, [ImplicitVRLittleEndian])]
    contexts.append((ModalityWorklistInformationFind, [ImplicitVRLittleEndian]))
    association = associate(server, contexts)
    rejected = association.rejected_contexts
    assert [(context.abstract_syntax, context.result) for context in rejected] == [(ModalityWorklistInformationFind, 3)]
    association.release()


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample["file"])
def test_real_films_arrive_in_the_syntax_that_they_have(server: Server, sample: dict) -> None:
    film = dcmread(sample["path"])
    assert store(server, film) == [0x0000]
    assert stored(server, film) == [film.SOPInstanceUID]
    path = f"/dicomweb/studies/{film.StudyInstanceUID}/instances?includefield=AvailableTransferSyntaxUID"
    [instance] = server.get(path)
    assert instance["00083002"]["Value"] == [film.file_meta.TransferSyntaxUID]


def test_the_same_film_again_is_a_success(server: Server, film: Dataset) -> None:
    assert store(server, film, film) == [0x0000, 0x0000]
    implicit = BytesIO()
    film.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    film.save_as(implicit, implicit_vr=True, little_endian=True, enforce_file_format=True)
    implicit.seek(0)
    assert store(server, dcmread(implicit)) == [0x0000], "another encoding of the same data set is no conflict"
    assert len(stored(server, film)) == 1


def test_another_film_with_the_same_uid_is_a_warning(server: Server, film: Dataset) -> None:
    other = copy.deepcopy(film)
    other.PatientID = "SOMEBODY-ELSE"
    assert store(server, film, other) == [0x0000, 0xB000]
    [study] = server.get(f"/dicomweb/studies?StudyInstanceUID={film.StudyInstanceUID}")
    assert study["00100020"]["Value"] == [film.PatientID], "the first one stays"


@pytest.mark.parametrize("keyword", ["StudyInstanceUID", "SeriesInstanceUID"])
def test_a_film_without_its_uids_cannot_be_understood(server: Server, film: Dataset, keyword: str) -> None:
    delattr(film, keyword)
    association = associate(server, [(film.SOPClassUID, [film.file_meta.TransferSyntaxUID])])
    status = association.send_c_store(film)
    assert status.Status == 0xC000
    assert keyword in status.ErrorComment
    association.release()


def test_a_film_that_is_not_the_announced_one_does_not_match(server: Server, film: Dataset) -> None:
    association = associate(server, [(ComputedRadiographyImageStorage, [ExplicitVRLittleEndian])])
    film.SOPClassUID = ComputedRadiographyImageStorage
    wrong = _Announced(film)
    status = association.send_c_store(wrong)
    assert status.Status == 0xA900
    assert "SOPInstanceUID" in status.ErrorComment
    association.release()


class _Announced(Dataset):
    """Tells pynetdicom another SOP Instance UID than the one that it is encoded with."""

    def __init__(self, film: Dataset):
        super().__init__(film)
        self.file_meta = film.file_meta
        self._announced = generate_uid()

    def __getattr__(self, name: str) -> object:
        return self._announced if name == "SOPInstanceUID" else super().__getattr__(name)


def test_an_unknown_caller_is_rejected_until_it_is_admitted(server: Server) -> None:
    contexts = [(Verification, [ImplicitVRLittleEndian])]
    association = associate(server, contexts, calling="STRANGER")
    assert association.is_rejected
    answer = association.acceptor.primitive
    assert (answer.result, answer.result_source, answer.diagnostic) == (
        REJECTED_PERMANENT,
        BY_SERVICE_USER,
        CALLING_TITLE_NOT_RECOGNIZED,
    )
    assert [one["ae_title"] for one in server.get("/api/v1/peers")["pending"]] == ["STRANGER"]

    server.command("peer", "allow", "STRANGER")
    association = associate(server, contexts, calling="STRANGER")
    assert association.is_established
    association.release()
    assert server.get("/api/v1/peers")["pending"] == []


def test_associations_at_once_lose_nothing(server: Server, film: Dataset) -> None:
    def instance(_: int) -> Dataset:
        one = copy.deepcopy(film)
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        return one

    batches = [[instance(number) for number in range(5)] for _ in range(4)]
    with ThreadPoolExecutor(len(batches)) as pool:
        statuses = list(pool.map(lambda batch: store(server, *batch), batches))
    assert statuses == [[0x0000] * 5] * 4
    assert stored(server, film) == sorted(one.SOPInstanceUID for batch in batches for one in batch)


def test_an_aborted_association_disturbs_nobody(server: Server, film: Dataset) -> None:
    staying = associate(server, [(Verification, [ImplicitVRLittleEndian])])
    aborted = associate(server, [(film.SOPClassUID, [film.file_meta.TransferSyntaxUID])])
    aborted.abort()
    assert staying.send_c_echo().Status == 0x0000
    staying.release()
