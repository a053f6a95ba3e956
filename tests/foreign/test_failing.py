"""A disk that is full or read-only, a database that somebody else holds, callers who never let go: what was acknowledged is
there, what is refused says so, and all is well once the cause is gone.

The disk is a small one in memory, mounted where only the server sees it.
"""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from lightbox import BINARY, PATIENCE_SECONDS, Server
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, SecondaryCaptureImageStorage, generate_uid
from pynetdicom import AE

SUCCESS = 0x0000
OUT_OF_RESOURCES = 0xA700

DISK_MEGABYTES = 40
PIXEL_BYTES = 1 << 20

IS_ROOT = os.geteuid() == 0
OWN_MOUNTS = ["unshare", "--mount", *([] if IS_ROOT else ["--map-root-user"])]
MOUNT_AND_SERVE = f"""
    mkdir -p "$0" && mount -t tmpfs -o size={DISK_MEGABYTES}m tmpfs "$0"
    printf '[limits]\\ndisk_free_bytes_min = 0\\n' > "$0/lightbox.toml"
    exec "$@"
"""


class SmallDisk(Server):
    """A server whose data folder is a small disk, which nobody else sees."""

    def __init__(self, folder: Path):
        super().__init__(folder, [*OWN_MOUNTS, "sh", "-ec", MOUNT_AND_SERVE, str(folder / "data")])
        self.command("peer", "allow", "FOREIGN")

    def inside(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command where the server's disk is seen."""
        enter = ["nsenter", "--target", str(self.process.pid), "--mount"]
        enter += [] if IS_ROOT else ["--user", "--preserve-credentials"]
        return subprocess.run([*enter, *command], capture_output=True, text=True, timeout=PATIENCE_SECONDS)

    def command(self, *arguments: str) -> str:
        run = self.inside(str(BINARY), *arguments, "--data", str(self.data))
        assert run.returncode == 0, f"lightbox {' '.join(arguments)}: {run.stderr}"
        return run.stdout.strip()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    server = SmallDisk(tmp_path)
    yield server
    server.stop()


def capture() -> Dataset:
    """A megabyte of pixels in a study of its own."""
    image = Dataset()
    image.SOPClassUID = SecondaryCaptureImageStorage
    image.StudyInstanceUID, image.SeriesInstanceUID, image.SOPInstanceUID = (generate_uid() for _ in range(3))
    image.PatientID, image.Modality = "FULL", "OT"
    image.Rows = image.Columns = 1024
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated = image.BitsStored = 8
    image.HighBit, image.PixelRepresentation = 7, 0
    image.add_new("PixelData", "OB", os.urandom(PIXEL_BYTES))
    image.file_meta = Dataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return image


def store(server: Server, images: list[Dataset]) -> list[int]:
    """Sends them over one association; gives their statuses."""
    entity = AE("FOREIGN")
    entity.add_requested_context(SecondaryCaptureImageStorage, ExplicitVRLittleEndian)
    entity.dimse_timeout = PATIENCE_SECONDS
    association = entity.associate(server.dicom_host, server.dicom_port)
    assert association.is_established
    statuses = [association.send_c_store(image).Status for image in images]
    association.release()
    return statuses


def found(server: Server) -> set[str]:
    return {row["0020000D"]["Value"][0] for row in server.get("/dicomweb/studies?limit=1000")}


def check_whole(server: Server, images: list[Dataset], statuses: list[int]) -> None:
    """What was acknowledged is found and intact, what was refused is not there, and no file is without a row."""
    kept = [image for image, status in zip(images, statuses, strict=True) if status == SUCCESS]
    assert found(server) == {str(image.StudyInstanceUID) for image in kept}
    assert '"ok":true' in server.command("verify", "--json")


def test_a_full_disk_refuses_and_takes_again_what_was_refused(small: SmallDisk) -> None:
    filler = str(small.data / "filler")
    assert small.inside("fallocate", "--length", f"{DISK_MEGABYTES // 2}M", filler).returncode == 0
    images = [capture() for _ in range(DISK_MEGABYTES)]
    statuses = store(small, images)
    refused = statuses.index(OUT_OF_RESOURCES)
    assert refused > 3, "there was room for some"
    assert set(statuses) == {SUCCESS, OUT_OF_RESOURCES}
    assert small.session().get(f"{small.http}/readyz", timeout=PATIENCE_SECONDS).ok
    assert small.inside("rm", filler).returncode == 0
    check_whole(small, images, statuses)
    again = store(small, [images[refused]])
    assert again == [SUCCESS]
    statuses[refused] = SUCCESS
    check_whole(small, images, statuses)


def test_a_disk_that_became_read_only_refuses_until_it_is_not(small: SmallDisk) -> None:
    before, meanwhile, after = capture(), capture(), capture()
    assert store(small, [before]) == [SUCCESS]
    blobs = str(small.data / "blobs")
    for mount in (["--bind", blobs, blobs], ["-o", "remount,bind,ro", blobs]):
        assert small.inside("mount", *mount).returncode == 0
    assert store(small, [meanwhile]) == [OUT_OF_RESOURCES]
    assert "Read-only file system" in small.log()
    assert small.inside("umount", blobs).returncode == 0
    images = [before, meanwhile, after]
    assert store(small, [meanwhile, after]) == [SUCCESS, SUCCESS]
    check_whole(small, images, [SUCCESS] * 3)


def test_a_database_that_somebody_holds_is_waited_for_and_then_refuses(server: Server) -> None:
    image, other = capture(), capture()
    holder = sqlite3.connect(server.data / "lightbox.db", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    assert store(server, [image]) == [OUT_OF_RESOURCES]
    assert time.monotonic() - began > 5, "it was waited for"
    assert server.session().get(f"{server.http}/dicomweb/studies", timeout=PATIENCE_SECONDS).ok, "reading goes on"
    holder.execute("ROLLBACK")
    holder.close()
    assert store(server, [image, other]) == [SUCCESS, SUCCESS]
    assert '"ok":true' in server.command("verify", "--json")


def test_callers_who_never_let_go_keep_nobody_out_for_long(server: Server) -> None:
    """Five hundred connections that say nothing: those beyond the limit are turned away at once."""
    address = (server.dicom_host, server.dicom_port)
    silent = [socket.create_connection(address, timeout=PATIENCE_SECONDS) for _ in range(500)]
    turned_away = 0
    for connection in silent[100:]:
        connection.settimeout(PATIENCE_SECONDS)
        try:
            turned_away += connection.recv(1) in (b"", b"\x03")
        except ConnectionResetError:
            turned_away += 1
    assert turned_away == 400
    assert server.session().get(f"{server.http}/readyz", timeout=PATIENCE_SECONDS).ok
    for connection in silent:
        connection.close()
    image = capture()
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        try:
            assert store(server, [image]) == [SUCCESS]
            return
        except AssertionError:
            time.sleep(0.1)
    raise AssertionError("the door stayed shut")
