"""What every test starts from: no network but loopback, no settings of the machine's."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

ROOT = Path(__file__).parent.parent
IN_CI = bool(os.environ.get("CI"))

# How busy the machine is says nothing about the program.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


@pytest.fixture(autouse=True)
def clear_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No MONITOR_ variable of the machine reaches a test; what it makes goes into its folder."""
    for name in list(os.environ):
        if name.startswith("MONITOR_") and name not in (
            "MONITOR_SHARED_DATA",
            "MONITOR_TEST_POSTGRES_URL",
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("MONITOR_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real labelled posts and recordings; tests that need it skip without it."""
    folder = Path(os.environ.get("MONITOR_SHARED_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip("real posts and recordings (../shared/data) are not on this machine")
    return folder


def need(available: bool, what: str) -> None:
    """Skips where a service is missing; in CI a missing service is a failure."""
    if available:
        return
    if IN_CI:
        pytest.fail(f"{what} is missing; .ci/run installs it")
    pytest.skip(f"{what} is not on this machine")
