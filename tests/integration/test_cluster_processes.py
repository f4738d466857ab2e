"""A scheduler, four workers and a command, each a process: one worker killed, one cut off."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import cluster_fakes as fakes
import pytest
from command_line import MONITOR, ROOT
from distributed import Client

from monitor.bootstrap.counting import aggregate
from monitor.bootstrap.scoring import classify

POSTS = 8_000
"""Four partitions, one for each worker."""
WORKERS = 4
MINUTES = 1
"""Between two posts: all of them lie in the topic's ten days."""
BATCH = 200
SILENCE = 12
"""Seconds that a worker is cut off, longer than the scheduler bears."""


class Line:
    """A network between a worker and the scheduler that can be cut: nothing passes then.

    Both ends keep their connections and hear nothing, as when a switch between them dies.
    """

    def __init__(self, port: int) -> None:
        self._far = port
        self._whole = threading.Event()
        self._whole.set()
        self._door = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._door.getsockname()[1])
        self.held = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole.clear()

    def mend(self) -> None:
        self._whole.set()

    def close(self) -> None:
        self._door.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                near, _ = self._door.accept()
                far = socket.create_connection(("127.0.0.1", self._far))
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass, args=ends, daemon=True).start()

    def _pass(self, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError), sink:
            while data := source.recv(65536):
                self.held += not self._whole.is_set()
                self._whole.wait()
                sink.sendall(data)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def command(made: fakes.Opener, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A command in a process group of its own, which does not outlive the test."""
    environ = dict(os.environ) | dict(made.environ)
    environ |= {
        "PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}",
        "DASK_DISTRIBUTED__SCHEDULER__WORKER_TTL": f"{SILENCE // 2}s",
        "DASK_DISTRIBUTED__WORKER__PRELOAD": '["cluster_preload"]',
    }
    process = subprocess.Popen(
        [str(MONITOR), *arguments],
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def answer(made: fakes.Opener, *arguments: str) -> dict[str, int]:
    with command(made, *arguments, "--json") as process:
        said, errors = process.communicate(timeout=400)
        assert process.returncode == 0, errors
        return json.loads(said)  # type: ignore[no-any-return]


def scoring_processes(folder: Path) -> list[int]:
    record = folder / "home" / "scored.txt"
    lines = record.read_text().splitlines() if record.exists() else []
    return [*dict.fromkeys(int(line.partition("\t")[0]) for line in lines)]


@pytest.mark.timeout(900)
def test_one_worker_killed_and_one_cut_off_change_no_figure(tmp_path: Path) -> None:
    local = fakes.opener(tmp_path / "local", batch=BATCH)()
    topic = local.topic("strike")
    fakes.fill(local, topic, POSTS, minutes=MINUTES)
    assert classify(local, topic)["posts"] == POSTS
    aggregate(local, topic)
    version = local.champion(topic).id
    expected = fakes.figures(local, topic, version)

    spread = tmp_path / "spread"
    made = fakes.opener(spread, batch=BATCH)
    app = made()
    fakes.fill(app, topic, POSTS, minutes=MINUTES)
    port = free_port()
    address = ("--scheduler", f"tcp://127.0.0.1:{port}")
    with ExitStack() as running:
        running.enter_context(command(made, "work", "--serve", "--port", str(port)))
        with Client(address[1], timeout="300s") as client:  # a job may be done before all are there
            line = running.enter_context(closing(Line(port)))
            cut_off = ("--scheduler", f"tcp://127.0.0.1:{line.port}")
            workers = [
                running.enter_context(command(made, "work", *each))
                for each in (cut_off, *[address] * (WORKERS - 1))
            ]
            client.wait_for_workers(WORKERS, timeout=300)
        job = running.enter_context(
            command(made, "--topic", "strike", "classify", "--engine", "dask", *address, "--json")
        )
        deadline = time.monotonic() + 300
        while len(scoring_processes(spread)) < WORKERS and time.monotonic() < deadline:
            assert job.poll() is None
            time.sleep(0.1)
        beyond = os.getpgid(workers[0].pid)
        at_work = scoring_processes(spread)
        assert sum(os.getpgid(process) == beyond for process in at_work) == 1
        line.cut()
        os.kill(next(one for one in at_work if os.getpgid(one) != beyond), signal.SIGKILL)
        time.sleep(SILENCE)
        assert line.held > 0
        line.mend()
        _, errors = job.communicate(timeout=400)
        assert job.returncode == 0, errors
        rebuilt = answer(
            made, "--topic", "strike", "aggregate", "--all", "--engine", "dask", *address
        )
    assert rebuilt["days"] == len({cell.day for cell in expected})
    assert fakes.figures(app, topic, version) == expected
    again = Counter(fakes.scored_texts(spread))
    assert len(again) == POSTS
    # The batch that each of them was at, and no more: the rest was neither lost nor done twice.
    assert sum(again.values()) - POSTS <= 2 * BATCH
