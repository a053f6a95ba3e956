"""What the tests share: servers, and the film that is told apart by nothing."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
from lightbox import Server, samples
from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that admits `FOREIGN`, one for all tests of a file."""
    server = Server(tmp_path_factory.mktemp("server"))
    server.command("peer", "allow", "FOREIGN")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _film() -> Dataset:
    explicit = next(sample for sample in samples() if sample["transfer_syntax_uid"] == "1.2.840.10008.1.2.1")
    return dcmread(explicit["path"])


@pytest.fixture
def film(_film: Dataset) -> Dataset:
    """A real film under new UIDs, so that tests do not meet each other's instances."""
    film = copy.deepcopy(_film)
    film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID = (generate_uid() for _ in range(3))
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    return film
