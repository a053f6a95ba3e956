"""Other people's archives, each on free ports with a folder of its own: Orthanc and dcmtk's dcmqrscp."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import requests
from lightbox import PATIENCE_SECONDS, Server, wait_for


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


class Orthanc:
    """Orthanc, which calls itself ORTHANC and knows the server as `lightbox`."""

    title = "ORTHANC"

    def __init__(self, folder: Path, server: Server):
        program = shutil.which("Orthanc")
        assert program, "Orthanc (package orthanc) cannot be run"
        self.dicom_port, self._http_port = free_port(), free_port()
        configuration = {
            "Name": "test",
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "Plugins": [],
            "HttpPort": self._http_port,
            "RemoteAccessAllowed": False,
            "AuthenticationEnabled": False,
            "DicomAet": self.title,
            "DicomPort": self.dicom_port,
            "DicomModalities": {"lightbox": ["LIGHTBOX", server.dicom_host, server.dicom_port]},
            "SynchronousCMove": True,
        }
        file = folder / "orthanc.json"
        file.write_text(json.dumps(configuration))
        self._log = (folder / "orthanc.log").open("w")
        self._process = subprocess.Popen([program, str(file)], stdout=self._log, stderr=subprocess.STDOUT)
        wait_for("Orthanc", lambda: listens(self.dicom_port) and listens(self._http_port))

    def get(self, path: str) -> Any:
        answer = requests.get(f"http://127.0.0.1:{self._http_port}{path}", timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def post(self, path: str, body: Any) -> Any:
        data = body if isinstance(body, bytes) else json.dumps(body)
        answer = requests.post(f"http://127.0.0.1:{self._http_port}{path}", data=data, timeout=PATIENCE_SECONDS)
        assert answer.ok, answer.text
        return answer.json()

    def instances(self) -> set[str]:
        """The SOP Instance UIDs of all that it has."""
        return {one["MainDicomTags"]["SOPInstanceUID"] for one in self.get("/instances?expand")}

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
        self._log.close()


class Dcmqrscp:
    """dcmtk's archive, which calls itself DCMQRSCP and sends only to the server."""

    title = "DCMQRSCP"

    def __init__(self, folder: Path, server: Server):
        self.dicom_port = free_port()
        (folder / "archive").mkdir(parents=True)
        file = folder / "dcmqrscp.cfg"
        file.write_text(
            f"NetworkTCPPort = {self.dicom_port}\nMaxPDUSize = 16384\nMaxAssociations = 16\n"
            f"HostTable BEGIN\nlightbox = (LIGHTBOX, {server.dicom_host}, {server.dicom_port})\nHostTable END\n"
            "VendorTable BEGIN\nVendorTable END\n"
            f"AETable BEGIN\n{self.title} {folder / 'archive'} RW (200, 1024mb) ANY\nAETable END\n"
        )
        self._process = subprocess.Popen(
            ["dcmqrscp", "--config", str(file)], env=os.environ | {"TCP_NODELAY": "1"}, stderr=subprocess.DEVNULL
        )
        wait_for("dcmqrscp", lambda: listens(self.dicom_port))

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE_SECONDS)
