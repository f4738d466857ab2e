"""One suite for every implementation of a contract; here: the store on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from postgres import new_database, postgres_server
from sqlalchemy import Engine

from monitor.store.engine import migrate, open_engine
from monitor.store.queries import Queries
from monitor.store.store import Store

__all__ = ["postgres_server"]


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database_url(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of an empty database of each kind, one for a file of tests."""
    if request.param == "sqlite":
        folder: Path = tmp_path_factory.mktemp("store")
        yield f"sqlite:///{folder / 'monitor.db'}"
    else:
        with new_database(request.getfixturevalue("postgres_server")) as url:
            yield url


@pytest.fixture(scope="module")
def engine(database_url: str) -> Iterator[Engine]:
    """A migrated database; tests keep apart by their topics."""
    engine = open_engine(database_url)
    migrate(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> Store:
    """What is tested."""
    return Store(engine)


@pytest.fixture
def queries(engine: Engine) -> Queries:
    """What is tested."""
    return Queries(engine)


@pytest.fixture
def topic() -> str:
    """A topic that no other test uses."""
    return f"topic-{uuid4().hex}"
