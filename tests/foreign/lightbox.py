"""The real binary on free ports with a data folder of its own, for tests with other people's clients."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import requests

CACHE = Path(os.environ.get("LIGHTBOX_CACHE", Path.home() / ".cache" / "lightbox"))
BINARY = Path(os.environ.get("LIGHTBOX_BIN", CACHE / "target" / "debug" / "lightbox"))
SAMPLES = Path(os.environ.get("LIGHTBOX_SAMPLES", CACHE / "samples"))
TOOLS = Path(os.environ.get("LIGHTBOX_VENV", CACHE / "venv")) / "bin"

# Longer than anything here takes; a test that waits so long fails.
PATIENCE_SECONDS = 60

T = TypeVar("T")


class Server:
    """`lightbox serve`, stopped by `stop` or when the test ends."""

    def __init__(self, folder: Path, wrapper: list[str] | None = None, arguments: list[str] | None = None):
        self.data = folder / "data"
        self._log = folder / "log"
        settings = ["serve", "--json", "--http", "127.0.0.1:0", "--dicom", "127.0.0.1:0", "--data", str(self.data)]
        assert BINARY.is_file(), f"{BINARY} is not built: run `cargo build -p lightbox-cli`"
        self._command = [*(wrapper or []), str(BINARY), *settings, *(arguments or [])]
        self.start()
        self.token = self.command("token", "create", "foreign", "--role", "admin")

    def start(self) -> None:
        """Starts it, again if it has ended."""
        with self._log.open("a") as log:
            self.process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=log, text=True)
        line = self.process.stdout.readline()
        assert line, f"the server did not start:\n{self.log()}"
        ready = json.loads(line)
        self.http: str = ready["http"]
        self.dicom_host, port = ready["dicom"].rsplit(":", 1)
        self.dicom_port = int(port)
        secure = ready.get("dicom_tls")
        self.dicom_tls_port = int(secure.rsplit(":", 1)[1]) if secure else None

    def log(self) -> str:
        return self._log.read_text()

    def command(self, *arguments: str) -> str:
        """Runs a command of the binary on the data folder, which must succeed; gives what it prints."""
        run = subprocess.run(
            [BINARY, *arguments, "--data", self.data], capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
        assert run.returncode == 0, f"lightbox {' '.join(arguments)}: {run.stderr}"
        return run.stdout.strip()

    def session(self) -> requests.Session:
        """HTTP with the token of an administrator."""
        session = requests.Session()
        session.headers["Authorization"] = f"Bearer {self.token}"
        return session

    def get(self, path: str) -> Any:
        answer = self.session().get(self.http + path, timeout=PATIENCE_SECONDS)
        answer.raise_for_status()
        return answer.json()

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(PATIENCE_SECONDS)
        self.process.stdout.close()


def wait_for(what: str, look: Callable[[], T | None]) -> T:
    """Looks again and again until there is something."""
    until = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < until:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {PATIENCE_SECONDS} s in vain for {what}")


def samples() -> list[dict[str, Any]]:
    """What `samples.json` says of each real film, with its path."""
    text = (SAMPLES / "samples.json").read_text()
    return [sample | {"path": SAMPLES / sample["file"]} for sample in json.loads(text)["samples"]]


def run_tool(*command: str | Path, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a foreign program, in that folder; one that is not installed fails the test."""
    environment = os.environ | {"TCP_NODELAY": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE_SECONDS, env=environment, cwd=folder
    )
