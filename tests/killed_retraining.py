"""Retrains in processes that end by SIGKILL at told moments: a program that a test talks to.

    python tests/killed_retraining.py SHIPPED

reads lines of JSON, `{"home": …, "config": …, "at": 12}`, starts a process that does what was asked
for on the page in that installation until its 12th moment (never where `at` is 0), and answers with
`{"killed": true, "moments": […]}`. A moment is when a transaction is to be committed, a file has
been or is to be put in its place, or progress is told. Each process is a new one: a fork of one
that has loaded the model's libraries can hang for ever in a lock that a thread of theirs held.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from classifiers.registry import Registry
from monitor.bootstrap.application import open_application
from monitor.task import Progress
from monitor.wishes import task_runner


def watch(moment: Callable[[str], None]) -> None:
    """Lets `moment` be told of everything that happens from now on."""
    put, tell = Path.replace, Progress.__call__

    def replace(self: Path, target: Any) -> Path:
        moment(f"before {Path(target).name}")
        done = put(self, target)
        moment(f"after {Path(target).name}")
        return done

    def told(self: Progress, stage: str, part: float) -> None:
        moment("progress")
        tell(self, stage, part)

    Path.replace = replace  # type: ignore[method-assign, assignment]
    Progress.__call__ = told  # type: ignore[method-assign]
    event.listen(Engine, "commit", lambda _: moment("commit"))


def work(asked: dict[str, Any], shipped: str, answers: int) -> None:
    """Does the waiting task, and writes every moment into a pipe as it comes."""
    seen = 0

    def moment(name: str) -> None:
        nonlocal seen
        seen += 1
        os.write(answers, f"{name}\n".encode())
        if seen == asked["at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    app = open_application(
        {
            "MONITOR_HOME": asked["home"],
            "MONITOR_CONFIG": asked["config"],
            "MONITOR_CLASSIFY__BATCH_POSTS": "20",
            "MONITOR_GATE__BEHAVIOUR": "1",  # a tiny model knows nothing that could be lost
        }
    )
    app.__dict__["registry"] = Registry(Path(asked["home"]) / "models", Path(shipped))
    app.tasks.request("retrain", "strike", {}, who="test", at=app.clock())
    watch(moment)
    task_runner(app, first=True).run_waiting(lambda: False)


def run(asked: dict[str, Any], shipped: str) -> dict[str, Any]:
    """Starts a process that works, and tells what it came to."""
    answers, told = os.pipe()
    command = [sys.executable, __file__, shipped, json.dumps(asked), str(told)]
    with subprocess.Popen(command, pass_fds=[told], stdin=subprocess.DEVNULL) as child:
        os.close(told)
        with os.fdopen(answers) as pipe:
            moments = pipe.read().splitlines()
        status = child.wait()
    return {"killed": status == -signal.SIGKILL, "ended": status == 0, "moments": moments}


if __name__ == "__main__":
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the program logs is no answer
    if len(sys.argv) > 2:
        work(json.loads(sys.argv[2]), sys.argv[1], int(sys.argv[3]))
    else:
        for line in sys.stdin:
            print(json.dumps(run(json.loads(line), sys.argv[1])), file=out, flush=True)
