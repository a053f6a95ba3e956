"""Durable before acknowledged: the order of the system calls behind an answer, as strace sees it.

That nothing is lost when the server is killed proves little, as the system keeps what was written. What counts is that
the file, the folders that name it and the database's log were synced before the answer left.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from dicomweb_client.api import DICOMwebClient
from lightbox import Server, run_tool, samples
from pydicom import dcmread

FILM = samples()[0]

CALLS = "fsync,fdatasync,openat,mkdir,mkdirat,write,writev,sendto,sendmsg"
STRACE = ["strace", "-D", "-f", "-yy", "-s", "24", "-e", f"trace={CALLS}", "-o"]

STARTED = re.compile(r"^(?P<thread>\d+) +(?P<name>\w+)\((?P<arguments>.*)$")
RESUMED = re.compile(r"^(?P<thread>\d+) +<\.\.\. \w+ resumed>(?P<rest>.*)$")


@dataclass
class Call:
    """A system call; `began` and `ended` are line numbers of the trace."""

    name: str
    arguments: str
    began: int
    ended: int | None = None

    def is_before(self, other: Call) -> bool:
        return self.ended is not None and self.ended < other.began

    @property
    def paths(self) -> list[str]:
        return re.findall(r'[<"](/[^>"]*)[>"]', self.arguments)


def read_trace(path: Path) -> list[Call]:
    """All calls in the order in which they began, threads taken together."""
    calls: list[Call] = []
    pending: dict[str, Call] = {}
    for number, line in enumerate(path.read_text(errors="replace").splitlines()):
        if resumed := RESUMED.match(line):
            call = pending.pop(resumed["thread"])
            call.arguments += resumed["rest"]
            call.ended = number
        elif started := STARTED.match(line):
            call = Call(started["name"], started["arguments"], number)
            calls.append(call)
            if line.endswith("<unfinished ...>"):
                pending[started["thread"]] = call
            else:
                call.ended = number
    return calls


@pytest.fixture
def traced(tmp_path: Path) -> Iterator[tuple[Server, Path]]:
    trace = tmp_path / "trace"
    server = Server(tmp_path, [*STRACE, str(trace)])
    server.command("peer", "allow", "FOREIGN")
    yield server, trace
    server.stop()


def check_order(calls: list[Call], answer: Call) -> None:
    """File, folders and log are synced before the answer, and in this order."""
    creations = [call for call in calls if call.name == "openat" and "O_CREAT" in call.arguments]
    [created] = [call for call in creations if "= -1" not in call.arguments and call.paths[-1].endswith(".dcm")]
    kept = created.paths[-1]
    folder = str(Path(kept).parent)
    syncs = [call for call in calls if call.name in ("fsync", "fdatasync")]

    def synced(path: str, after: Call | None = None) -> Call:
        found = [one for one in syncs if path in one.paths and (after is None or after.is_before(one))]
        assert found, f"{path} is not synced"
        return found[0]

    file_synced = synced(kept, after=created)
    folder_synced = synced(folder, after=created)
    log = next(path for one in syncs for path in one.paths if path.endswith("lightbox.db-wal"))
    log_synced = synced(log, after=folder_synced)
    assert file_synced.is_before(log_synced), "a row must not be durable before the file that it names"
    assert log_synced.is_before(answer), "the answer left before the row was durable"
    for made in (call for call in calls if call.name.startswith("mkdir") and "/blobs/" in call.arguments):
        parent_synced = synced(str(Path(made.paths[-1]).parent), after=made)
        assert parent_synced.is_before(created), "a new folder may be forgotten"


def is_answer(call: Call, start: str) -> bool:
    sends = call.name in ("write", "writev", "sendto", "sendmsg")
    return sends and "<TCP:" in call.arguments and f'"{start}' in call.arguments


def test_a_c_store_response_leaves_after_all_is_durable(traced: tuple[Server, Path]) -> None:
    server, trace = traced
    port = str(server.dicom_port)
    stored = run_tool("storescu", "-aet", "FOREIGN", "127.0.0.1", port, FILM["path"])
    assert stored.returncode == 0, stored.stderr
    server.stop()
    calls = read_trace(trace)
    # P-DATA-TF (PS3.8 §9.3.5); the response is the only one that the door sends, and leaves in one piece.
    [answer] = [call for call in calls if is_answer(call, r"\4\0\0\0")]
    check_order(calls, answer)


def test_a_stow_response_leaves_after_all_is_durable(traced: tuple[Server, Path]) -> None:
    server, trace = traced
    client = DICOMwebClient(f"{server.http}/dicomweb", session=server.session())
    client.store_instances([dcmread(FILM["path"])])
    server.stop()
    calls = read_trace(trace)
    answers = [call for call in calls if is_answer(call, "HTTP/1.1 200")]
    check_order(calls, answers[-1])
