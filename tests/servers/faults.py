"""A real HTTP server on loopback that fails on demand, in all the ways that servers do."""

from __future__ import annotations

import gzip
import json
import socket
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qsl, urlsplit

_LOOP = "/around-and-around"


@dataclass(frozen=True)
class Request:
    """What was asked.

    Attributes:
        query: The last value of each name.
        headers: By lower-case name.
        pairs: All of the query's names and values, in order.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""
    pairs: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Reply:
    """What is answered.

    Attributes:
        chunks: Instead of a body: each is sent as soon as it is there, until they end.
    """

    body: bytes = b""
    status: int = 200
    type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    chunks: Iterator[bytes] | None = None


def json_reply(value: Any, status: int = 200, **headers: str) -> Reply:
    """A value as JSON; `x_rate_limit_reset="1"` is the header `x-rate-limit-reset`."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Reply(json.dumps(value).encode(), status, headers=named)


class LocalServer:
    """Answers requests by a function, after those that are to fail.

    Attributes:
        requests: All that was asked, in order.
        retry_after: What a 429 says.
    """

    def __init__(self, answer: Callable[[Request], Reply]) -> None:
        self._answer = answer
        self._failures: deque[str] = deque()
        self._lock = threading.Lock()
        self.requests: list[Request] = []
        self.retry_after = 7
        self._server = self._start(0)

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fail_next(self, kind: str, times: int = 1) -> None:
        """Makes the next requests fail (`world.FAILURES`)."""
        self._failures.extend([kind] * times)

    def restart(self) -> None:
        """Stops answering, and starts again on the same port."""
        port = self._server.server_address[1]
        self.close()
        self._server = self._start(port)

    def close(self) -> None:
        """Stops, and cuts the connections that are open."""
        self._server.shutdown()
        self._server.server_close()
        self._server.cut()

    def _start(self, port: int) -> _Server:
        server = _Server(("127.0.0.1", port), _Handler)
        server.owner, server.connections = self, set()
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        return server

    def handle(self, request: Request) -> tuple[str | None, Reply]:
        """What to answer, and how to fail at it."""
        with self._lock:
            self.requests.append(request)
            if request.path == _LOOP:
                return None, self._failing("redirect_loop", request)
            if not self._failures:
                return None, self._answer(request)
            kind = self._failures.popleft()
            return kind, self._failing(kind, request)

    def _failing(self, kind: str, request: Request) -> Reply:
        ready = {
            "error_500": Reply(b'{"error": "broken"}', 500),
            "error_503": Reply(b"<html>busy</html>", 503, "text/html"),
            "rate_limited": Reply(b"{}", 429, headers={"Retry-After": str(self.retry_after)}),
            "refused": Reply(b"{}", 403),
            "malformed": Reply(b'{"data": [{"id": "1", '),
            "error_under_200": Reply(b'{"error": "over capacity", "errors": [{"message": "no"}]}'),
            "wrong_type": Reply(b"<html>maintenance</html>", 200, "text/html"),
            "gzip_bomb": Reply(
                _bomb() if kind == "gzip_bomb" else b"", headers={"Content-Encoding": "gzip"}
            ),
            "redirect_loop": Reply(b"", 302, headers={"Location": _LOOP}),
        }
        return ready[kind] if kind in ready else self._answer(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True
    owner: LocalServer
    connections: set[socket.socket]

    def cut(self) -> None:
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        cast(_Server, self.server).connections.add(self.request)
        super().setup()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()
        cast(_Server, self.server).connections.discard(self.request)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        self._do()

    def do_POST(self) -> None:
        self._do()

    def do_PUT(self) -> None:
        self._do()

    def do_DELETE(self) -> None:
        self._do()

    def _do(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        request = Request(
            method=self.command,
            path=parts.path,
            query=dict(pairs),
            pairs=tuple(pairs),
            headers={name.lower(): value for name, value in self.headers.items()},
            body=self.rfile.read(length),
        )
        kind, reply = cast(_Server, self.server).owner.handle(request)
        with suppress(OSError):
            self._send(kind, reply)

    def _send(self, kind: str | None, reply: Reply) -> None:
        if kind == "reset":
            self._hang_up()
            return
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.type)
        if reply.chunks is None:
            self.send_header("Content-Length", str(len(reply.body)))
        else:
            self.send_header("Transfer-Encoding", "chunked")
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        cut = kind == "hang_up"
        if reply.chunks is not None:
            self._send_chunks(reply.chunks, cut=cut)
            return
        self.wfile.write(reply.body[: len(reply.body) // 2] if cut else reply.body)
        self.wfile.flush()
        if cut:
            self._hang_up()

    def _send_chunks(self, chunks: Iterator[bytes], *, cut: bool) -> None:
        for chunk in chunks:
            sent = b"%x\r\n%s\r\n" % (len(chunk), chunk)
            self.wfile.write(sent[: len(sent) // 2] if cut else sent)
            self.wfile.flush()
            if cut:
                self._hang_up()
                return
        self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()
        self.close_connection = True

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


@cache
def _bomb() -> bytes:
    """64 MiB of nothing in 64 KiB."""
    return gzip.compress(bytes(64 * 1024 * 1024), compresslevel=1)
