"""Serves the dashboard from a thread, beside the daemon or alone."""

from __future__ import annotations

import socket
import threading
import time

import uvicorn
from fastapi import FastAPI

from monitor.errors import ConfigurationError, MonitorError

START_SECONDS = 10.0


class DashboardServer:
    """A web server that runs until it is told to stop."""

    def __init__(self, app: FastAPI, host: str, port: int) -> None:
        self._socket = _listen(host, port)
        self._host = host
        # Who is asking is the guard's to say: what a request says it was forwarded for is no peer.
        config = uvicorn.Config(
            app, log_level="warning", access_log=False, lifespan="off", proxy_headers=False
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([self._socket],), name="dashboard", daemon=True
        )

    @property
    def url(self) -> str:
        """Where the dashboard answers."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._socket.getsockname()[1]}"

    def start(self) -> None:
        """Starts serving.

        Raises:
            MonitorError: It did not come up.
        """
        self._thread.start()
        deadline = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > deadline:
                raise MonitorError("the dashboard did not start", hint="see the lines above")
            time.sleep(0.02)

    def stop(self) -> None:
        """Stops serving; requests under way get a moment to end."""
        self._server.should_exit = True
        self._thread.join(3)
        self._socket.close()

    def wait(self, seconds: float) -> bool:
        """Waits; returns whether the server still runs."""
        self._thread.join(seconds)
        return self._thread.is_alive()


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise ConfigurationError(
            f"the dashboard cannot listen on {host}:{port}: {error.strerror}",
            hint="stop what listens there, or choose another: MONITOR_DASHBOARD__PORT=8001",
        ) from error
    return listener
