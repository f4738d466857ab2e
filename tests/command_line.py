"""Runs the real `monitor` command in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LONGEST = 400
"""Seconds that a command may take; the longest takes 120 on two busy cores."""
MONITOR = Path(sys.executable).parent / "monitor"
ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Place:
    """An installation of its own: home, configuration, database.

    Its model is the small one, which is faster, unless the settings say otherwise.

    Attributes:
        folder: Everything lies below it.
        database_url: SQLite in the home unless told.
        settings: Further environment variables of every command; None unsets one.
    """

    folder: Path
    database_url: str | None = None
    settings: Mapping[str, str | None] = field(default_factory=dict)

    def environ(self, more: Mapping[str, str] | None = None) -> dict[str, str]:
        environ = {k: v for k, v in os.environ.items() if not k.startswith("MONITOR_")}
        environ |= {"MONITOR_HOME": str(self.home), "MONITOR_CONFIG": str(self.config)}
        environ["MONITOR_CLASSIFY__BASE"] = "small"
        if self.database_url:
            environ["MONITOR_DATABASE_URL"] = self.database_url
        chosen = {**environ, **self.settings, **(more or {})}
        return {name: value for name, value in chosen.items() if value is not None}

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def config(self) -> Path:
        return self.folder / "config"

    def add_topic(self, name: str, text: str) -> Path:
        path = self.config / "topics" / f"{name}.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    def start(
        self, *arguments: str | Path, more: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Starts a command and returns at once; it leads a process group of its own."""
        return subprocess.Popen(
            [str(MONITOR), *map(str, arguments)],
            env=self.environ(more),
            cwd=self.folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(
        self,
        *arguments: str | Path,
        code: int = 0,
        more: Mapping[str, str] | None = None,
        stdin: str | bytes | None = None,
    ) -> str:
        """Runs a command to its end and returns what it printed; any other exit code fails."""
        process = subprocess.Popen(
            [str(MONITOR), *map(str, arguments)],
            env=self.environ(more) | {"PYTHONFAULTHANDLER": "1"},
            cwd=self.folder,
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        given = stdin.encode() if isinstance(stdin, str) else stdin
        try:
            out, err = process.communicate(given, timeout=LONGEST)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGABRT)  # it tells where each thread stands, and ends
            out, err = process.communicate()
        printed, complaints = (each.decode(errors="replace") for each in (out, err))
        assert process.returncode == code, (
            f"monitor {' '.join(map(str, arguments))} ended with {process.returncode}, "
            f"not {code}:\n{printed[-2000:]}\n{complaints[-4000:]}"
        )
        assert "Traceback" not in complaints, complaints[-4000:]
        return printed if code == 0 else printed + complaints

    def json(self, *arguments: str | Path, more: Mapping[str, str] | None = None) -> Any:
        return json.loads(self.run(*arguments, more=more))
