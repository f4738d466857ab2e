"""A place to write the files that these tests read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from harvesting import as_lines


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Writes objects (or raw bytes) as lines of a file."""

    def write(*lines: dict[str, Any] | bytes, name: str = "posts") -> Path:
        path = tmp_path / name
        path.write_bytes(as_lines(lines))
        return path

    return write
