"""The AT Protocol's own network on loopback: a directory and a personal data server in Node."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

HERE = Path(__file__).parent / "atproto"
POST = "app.bsky.feed.post"
IS_INSTALLED = bool(shutil.which("node")) and (HERE / "node_modules/@atproto/dev-env").is_dir()

_ADMIN = "Basic " + base64.b64encode(b"admin:admin-pass").decode()
_UP_SECONDS = 180.0


@dataclass(frozen=True)
class Account:
    did: str
    token: str


@dataclass
class Network:
    """One PDS, whose firehose is that of a relay in small.

    Attributes:
        url: The PDS's base URL.
        directory_url: The directory's.
    """

    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="atproto-")))

    def __post_init__(self) -> None:
        self._plc_port, self._pds_port = _free_port(), _free_port()
        self._key = secrets.token_hex(32)
        self.url = f"http://127.0.0.1:{self._pds_port}"
        self.directory_url = f"http://localhost:{self._plc_port}"
        self._plc = self._run("plc", self._plc_port)
        self._pds = self._start_pds()
        try:
            _wait(self._plc)
            _wait(self._pds)
        except AssertionError:
            self.close()
            raise

    def _start_pds(self) -> subprocess.Popen[str]:
        return self._run("pds", self._pds_port, self.folder, self.directory_url, self._key)

    def _run(self, *arguments: object) -> subprocess.Popen[str]:
        command = ["node", str(HERE / "network.mjs"), *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=self.folder)

    def kill(self) -> None:
        """Ends the PDS as a power cut does."""
        self._pds.kill()
        self._pds.communicate()

    def start(self) -> None:
        """Starts it again, on its data."""
        self._pds = self._start_pds()
        _wait(self._pds)

    def close(self) -> None:
        """Stops all."""
        for process in (self._pds, self._plc):
            process.kill()
            process.communicate()
        shutil.rmtree(self.folder, ignore_errors=True)

    def join(self, name: str) -> Account:
        """Makes an account."""
        data = {"handle": f"{name}.test", "email": f"{name}@example.test", "password": "password"}
        made = self._call("com.atproto.server.createAccount", data)
        return Account(made["did"], made["accessJwt"])

    def post(self, account: Account, text: str, **more: Any) -> str:
        """Posts; returns the post's address."""
        return self.create(account, POST, {"$type": POST, "text": text, **more})["uri"]

    def create(self, account: Account, collection: str, record: Any) -> dict[str, str]:
        """Makes a record; returns its `uri` and `cid`."""
        record = {"createdAt": datetime.now(UTC).isoformat().replace("+00:00", "Z"), **record}
        data = {"repo": account.did, "collection": collection, "record": record}
        made: dict[str, str] = self._call("com.atproto.repo.createRecord", data, account)
        return made

    def edit(self, account: Account, uri: str, text: str) -> None:
        """Changes a post."""
        record = {"$type": POST, "text": text, "createdAt": datetime.now(UTC).isoformat()}
        key = {"repo": account.did, "collection": POST, "rkey": uri.rpartition("/")[2]}
        self._call("com.atproto.repo.putRecord", {**key, "record": record}, account)

    def delete(self, account: Account, uri: str) -> None:
        """Deletes a post."""
        key = {"repo": account.did, "collection": POST, "rkey": uri.rpartition("/")[2]}
        self._call("com.atproto.repo.deleteRecord", key, account)

    def leave(self, account: Account) -> None:
        """Deletes an account."""
        self._call("com.atproto.admin.deleteAccount", {"did": account.did})

    def _call(self, method: str, data: Any, account: Account | None = None) -> Any:
        headers = {"Content-Type": "application/json"}
        if account:
            headers["Authorization"] = f"Bearer {account.token}"
        elif ".admin." in method:
            headers["Authorization"] = _ADMIN
        request = Request(f"{self.url}/xrpc/{method}", json.dumps(data).encode(), headers)
        with urlopen(request, timeout=30) as response:
            body = response.read()
        return json.loads(body) if body else None


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait(process: subprocess.Popen[str]) -> None:
    """Waits for the line that says that it is up."""
    end = time.monotonic() + _UP_SECONDS
    assert process.stdout is not None
    while time.monotonic() < end:
        line = process.stdout.readline()
        if line.strip() == "up":
            return
        if not line and process.poll() is not None:
            break
    raise AssertionError("the AT Protocol's network did not come up")
