"""A clock that is set forth and back under the server, as a dead battery or a first synchronisation does it: nothing is lost,
nothing waits for a time that lies days ahead."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightbox import Server, wait_for
from pydicom import Dataset
from pydicom.uid import generate_uid
from test_dimse import store

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")


class Shifted(Server):
    """A server whose wall clock is set by a file; what measures durations goes on as it is."""

    def __init__(self, folder: Path, shift: str):
        assert LIBRARY.is_file(), "libfaketime is not installed: run `cargo xtask setup`"
        self._clock = folder / "clock"
        self.set_clock(shift)
        environment = [f"LD_PRELOAD={LIBRARY}", f"FAKETIME_TIMESTAMP_FILE={self._clock}"]
        environment += ["FAKETIME_NO_CACHE=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DONT_FAKE_FILE_TIMESTAMPS=1"]
        super().__init__(folder, ["env", *environment])

    def set_clock(self, shift: str) -> None:
        self._clock.write_text(shift)


@pytest.fixture
def ahead(tmp_path: Path) -> Iterator[Shifted]:
    """Two days ahead of the world."""
    server = Shifted(tmp_path, "+2d")
    server.command("peer", "allow", "FOREIGN")
    yield server
    server.stop()


def another(film: Dataset) -> Dataset:
    film = copy.deepcopy(film)
    film.StudyInstanceUID, film.SeriesInstanceUID, film.SOPInstanceUID = (generate_uid() for _ in range(3))
    film.file_meta.MediaStorageSOPInstanceUID = film.SOPInstanceUID
    return film


def waiting(server: Server) -> int:
    """Jobs that are left to do for what has arrived."""
    activity = server.get("/api/v1/system/activity")
    return sum(job["waiting"] for job in activity["jobs"] if job["kind"] in ("describe", "route"))


def check_whole(server: Server, films: list[Dataset]) -> None:
    rows = server.get("/dicomweb/studies?limit=1000")
    assert {row["0020000D"]["Value"][0] for row in rows} == {str(film.StudyInstanceUID) for film in films}
    verified = json.loads(server.command("verify", "--json"))
    assert verified["ok"] and verified["files"] == len(films)


def test_a_clock_that_is_set_back_while_the_server_runs(ahead: Shifted, film: Dataset) -> None:
    films = [film, another(film), another(film)]
    assert store(ahead, films[0]) == [0x0000]
    ahead.set_clock("+0")
    assert store(ahead, films[1]) == [0x0000]
    wait_for("all series to be described", lambda: waiting(ahead) == 0)
    ahead.set_clock("+3d")
    assert store(ahead, films[2]) == [0x0000]
    wait_for("the last one, too", lambda: waiting(ahead) == 0)
    check_whole(ahead, films)


def test_a_clock_that_is_right_after_the_next_start(ahead: Shifted, film: Dataset) -> None:
    films = [film, another(film)]
    assert store(ahead, films[0]) == [0x0000]
    ahead.process.kill()
    ahead.process.wait()
    ahead.set_clock("+0")
    ahead.start()
    assert store(ahead, films[1]) == [0x0000]
    wait_for("all series to be described", lambda: waiting(ahead) == 0)
    check_whole(ahead, films)
