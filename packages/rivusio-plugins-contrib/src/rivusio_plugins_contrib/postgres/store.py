"""Checkpoints in PostgreSQL."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

from pydantic import SecretStr

from rivusio_core import CheckpointCorrupt, CheckpointWriteError, ConfigError, Fault
from rivusio_core.errors import CheckpointError
from rivusio_plugins_contrib.postgres.server import Connection, Server
from rivusio_streams.checkpoint import CheckpointStore

__all__ = ["PostgresStore"]

_TABLE = "rivusio_checkpoints"
_CREATE = (
    f"CREATE TABLE IF NOT EXISTS {_TABLE} (flow TEXT NOT NULL, name TEXT NOT NULL, data BYTEA NOT NULL, "
    "PRIMARY KEY (flow, name))"
)
_PATIENCE = 3_000
"""Milliseconds to wait for the lock: a server takes a moment to see that a run which was killed is gone."""
_HELD = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND granted AND pid = %s AND classid = %s AND objid = %s"


class PostgresStore(CheckpointStore):
    """A table `rivusio_checkpoints` of a PostgreSQL database, which may be the very one that results are written to.

    A flow is locked by an advisory lock of the session, which the server releases when the connection ends, however
    it ends. A pooler that gives each transaction another session (PgBouncer in its mode `transaction`) breaks that.

    Args:
        dsn: a connection string of libpq, as for `PostgresTable`.

    Raises:
        ConfigError: it is none, or psycopg is not installed (extra `postgres`).

    Example:
        >>> PostgresStore("postgresql://ann:secret@db:5432/shop")
        PostgresStore('postgresql://ann@db:5432/shop')
    """

    def __init__(self, dsn: str | SecretStr) -> None:
        self._server = Server(dsn, "PostgresStore")
        self.place, self.database = self._server.shown, self._server.database
        self._flow, self._read_only = "", False
        self._connection: Connection | None = None
        self._holder: tuple[int, int, int] | None = None

    @classmethod
    def at(cls, url: str) -> PostgresStore:
        try:
            return cls(url)
        except ConfigError as error:
            raise ConfigError(faults=[Fault(each.message, "checkpoint") for each in error.faults]) from None

    def open(self, flow: str, *, read_only: bool = False) -> None:
        self._flow = flow.replace("\0", "\\0")  # texts of PostgreSQL have none
        self._read_only = read_only
        with self._failing("connecting", CheckpointWriteError):
            connection = self._server.connect()
        try:
            with self._failing("opening", CheckpointWriteError):
                self._prepare(connection)
        except BaseException:
            connection.close()
            raise
        self._connection = connection

    def _prepare(self, connection: Connection) -> None:
        if self._read_only:
            connection.execute("SET default_transaction_read_only = on")
            return
        self._lock(connection)
        if not self._is_there(connection):
            connection.execute("BEGIN")  # making a table that another connection is making is an error
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('rivusio tables', 0))")
            connection.execute(_CREATE)
            connection.execute("COMMIT")

    def _lock(self, connection: Connection) -> None:
        from psycopg.errors import LockNotAvailable

        digest = hashlib.blake2b(f"rivusio flow {self._flow}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
        key = int.from_bytes(digest, "big", signed=True)
        connection.execute(f"SET lock_timeout = {_PATIENCE}")
        try:
            connection.execute("SELECT pg_advisory_lock($1::bigint)", [key])
        except LockNotAvailable:
            raise CheckpointWriteError(
                f"{self.place}: another run of {self._flow!r} is using these checkpoints; wait for its end, or give "
                "this run another name or place"
            ) from None
        connection.execute("RESET lock_timeout")
        pid = connection.info.backend_pid
        self._holder = (pid, int.from_bytes(digest[:4], "big"), int.from_bytes(digest[4:], "big"))

    @staticmethod
    def _is_there(connection: Connection) -> bool:
        return connection.execute(f"SELECT to_regclass('{_TABLE}') IS NOT NULL").fetchone() == (True,)

    @property
    def _own(self) -> Connection:
        if self._connection is None:
            raise CheckpointWriteError(f"{self.place}: the store is not open")
        return self._connection

    def names(self) -> Sequence[str]:
        with self._failing("reading", CheckpointCorrupt):
            if self._read_only and not self._is_there(self._own):
                return []
            found = self._own.execute(f"SELECT name FROM {_TABLE} WHERE flow = $1", [self._flow])
            return [str(name) for (name,) in found]

    def get(self, name: str) -> bytes:
        with self._failing(f"reading {name}", CheckpointCorrupt):
            query = f"SELECT data FROM {_TABLE} WHERE flow = $1 AND name = $2"
            found = self._own.execute(query, [self._flow, name]).fetchone()
        if found is None:
            raise CheckpointCorrupt(f"{self.place}: there is no {name}")
        return bytes(found[0])

    def put(self, name: str, data: bytes) -> None:
        self.put_on(self._own, name, data)

    def put_on(self, connection: Any, name: str, data: bytes) -> None:
        import psycopg

        with self._failing(f"writing {name}", CheckpointWriteError):
            cursor = psycopg.Cursor(connection)
            # Whoever lost the lock with a connection must not write over another one, which may be open still.
            if self._holder is None or cursor.execute(_HELD, self._holder).fetchone() is None:
                raise CheckpointWriteError(
                    f"{self.place}: writing {name} failed: the connection that locks {self._flow!r} is lost, and "
                    "another run may have begun"
                )
            cursor.execute(f"INSERT INTO {_TABLE} (flow, name, data) VALUES (%s, %s, %s)", (self._flow, name, data))

    def delete(self, names: Sequence[str]) -> None:
        with self._failing("deleting old checkpoints", CheckpointWriteError):
            self._own.execute(f"DELETE FROM {_TABLE} WHERE flow = $1 AND name = ANY($2)", [self._flow, list(names)])

    def close(self) -> None:
        self._holder = None
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextmanager
    def _failing(self, what: str, kind: type[CheckpointError]) -> Generator[None, None, None]:
        with self._server.failing(self.place, what, kind):
            yield

    def __repr__(self) -> str:
        return f"PostgresStore({self.place!r})"
