"""Who holds a lease or a piece of work: a process, named so that others can tell if it lives."""

from __future__ import annotations

import secrets
import socket

import psutil


def holder_name() -> str:
    """Names this process so that another on the same machine can tell whether it still lives."""
    process = psutil.Process()
    host = socket.gethostname()
    return f"{host}/{process.pid}/{process.create_time():.2f}/{secrets.token_hex(4)}"


def is_dead(holder: str) -> bool:
    """Whether a holder is a process of this machine that has ended; False where unsure."""
    host, _, rest = holder.partition("/")
    pid, _, created = rest.rpartition("/")[0].partition("/")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        return f"{psutil.Process(int(pid)).create_time():.2f}" != created
    except psutil.NoSuchProcess:
        return True
