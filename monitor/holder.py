"""Who holds a lease or a piece of work: a process, named so that others can tell if it lives."""

from __future__ import annotations

import os
import secrets
import socket
from pathlib import Path

import psutil

_PROCESSES = Path("/proc")


def holder_name() -> str:
    """Names this process so that another on the same machine can tell whether it still lives."""
    pid = os.getpid()
    return f"{socket.gethostname()}/{pid}/{_began(pid)}/{secrets.token_hex(4)}"


def is_dead(holder: str) -> bool:
    """Whether a holder is a process of this machine that has ended; False where unsure."""
    host, _, rest = holder.partition("/")
    pid, _, began = rest.rpartition("/")[0].partition("/")
    if host != socket.gethostname() or not pid.isdecimal():
        return False
    try:
        now = _began(int(pid))
    except (psutil.NoSuchProcess, FileNotFoundError, ProcessLookupError):
        return True
    # An earlier program told the time of a clock that may have been put right since.
    return ("@" in now) == ("@" in began) and now != began


def _began(pid: int) -> str:
    """When a process began: on Linux in ticks of a boot, which no change of the clock moves."""
    if not psutil.LINUX:
        return f"{psutil.Process(pid).create_time():.2f}"
    # The second field is a name, and may hold anything.
    stat = (_PROCESSES / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    boot = (_PROCESSES / "sys/kernel/random/boot_id").read_text().strip()
    return f"{int(stat[19])}@{boot}"
