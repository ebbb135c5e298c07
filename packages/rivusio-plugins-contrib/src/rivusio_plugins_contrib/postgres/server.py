"""A database of a PostgreSQL server: connected to, named without secrets, and its errors told with what to do."""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from pydantic import SecretStr

from rivusio_core import ConfigError, Fault
from rivusio_core.errors import RunError

if TYPE_CHECKING:
    import psycopg

__all__ = ["Connection", "Server"]

Connection: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"
"""Rows are tuples of any types."""

_CONNECT = "10"
"""Seconds to wait for the server, unless the connection string says otherwise."""
_SHOWN = ("host", "hostaddr", "port", "user", "dbname", "service")
_TOLD = (*_SHOWN, "options")
"""What decides which tables a name means."""


class Server:
    """A database, given by a connection string of libpq: a URL, or words such as `host=... dbname=...`.

    What it leaves out comes from the environment (`PGHOST`, `PGPASSWORD`, ...), `~/.pgpass` and the service file.

    Args:
        dsn: the connection string.
        owner: for messages.

    Raises:
        ConfigError: it is none, or psycopg is not installed (extra `postgres`).
    """

    def __init__(self, dsn: str | SecretStr, owner: str) -> None:
        try:
            from psycopg import ProgrammingError, pq  # an extra
            from psycopg.conninfo import conninfo_to_dict
        except ImportError:
            advice = 'pip install "rivusio-plugins-contrib[postgres]"'
            raise ConfigError(owner, faults=[Fault(f"needs psycopg: {advice}")]) from None
        self._dsn = dsn.get_secret_value() if isinstance(dsn, SecretStr) else dsn
        try:
            given = conninfo_to_dict(self._dsn)
        except ProgrammingError:  # its text quotes what it does not understand: that may be the password
            message = "is no connection string; give postgresql://user@host:port/database, or host=... dbname=..."
            raise ConfigError(owner, faults=[Fault(message, "dsn")]) from None
        defaults = {each.keyword.decode(): (each.val or b"").decode() for each in pq.Conninfo.get_defaults()}
        parts = {name: str(given.get(name) or defaults.get(name) or "") for name in _TOLD}
        parts["dbname"] = parts["dbname"] or parts["user"]
        parts["port"] = parts["port"] or "5432"
        self._parts = parts
        self._slow = "connect_timeout" in given

    @property
    def shown(self) -> str:
        """Which database, for people; no secrets."""
        parts = self._parts
        if parts["service"]:
            return f"postgresql:service={parts['service']}"
        user = f"{parts['user']}@" if parts["user"] else ""
        return f"postgresql://{user}{parts['host'] or parts['hostaddr']}:{parts['port']}/{parts['dbname']}"

    @property
    def database(self) -> str:
        """Equal where one transaction spans both, and names of tables mean the same; no secrets."""
        told = "\0".join(self._parts[name] for name in _TOLD)
        return f"{self.shown}#{hashlib.blake2b(told.encode(), digest_size=8).hexdigest()}"

    def connect(self) -> Connection:
        """Connect. Statements are transactions of their own, unless one is begun; markers are $1, $2, ...

        Raises:
            psycopg.Error: it cannot be.
        """
        import psycopg

        more = {} if self._slow else {"connect_timeout": _CONNECT}
        name = {"fallback_application_name": "rivusio"}
        return psycopg.connect(self._dsn, autocommit=True, cursor_factory=psycopg.RawCursor, **more, **name)  # type: ignore[arg-type]  # words of libpq

    @contextmanager
    def failing(self, where: str, what: str, kind: type[RunError]) -> Generator[None, None, None]:
        """Tell errors of the database as ours, without the values of rows. A lost connection is a `ConnectionError`.

        Raises:
            RunError: as `kind` says.
        """
        import psycopg

        try:
            yield
        except psycopg.Error as error:
            message = f"{where}: {what} failed: {_told(error)}{_advice(error)}"
            if _is_lost(error):
                raise kind(message) from ConnectionError(_told(error))
            raise kind(message) from None  # its details quote rows
        except (OverflowError, UnicodeError) as error:
            raise kind(f"{where}: {what} failed: a value cannot be stored ({type(error).__name__})") from None


def _told(error: psycopg.Error) -> str:
    state = error.sqlstate or ""
    if state.startswith("22") or (not state and type(error).__name__ == "DataError"):
        return f"a value does not fit its column ({type(error).__name__})"
    return error.diag.message_primary or " ".join(str(error).split())


def _is_lost(error: psycopg.Error) -> bool:
    """The server is not there, not yet, or not any more: another try may work."""
    import psycopg

    state = error.sqlstate
    if state is None:
        return isinstance(error, psycopg.OperationalError)
    return state[:2] in ("08", "40", "53", "57") or state == "55P03"


def _advice(error: psycopg.Error) -> str:
    state = error.sqlstate or ""
    if state == "42P10":
        return "; the table needs a primary key or unique index on the columns of key="
    if state == "42501":
        return "; grant it to the user"
    if state.startswith("23"):
        return "; the table's own rules forbid a row"
    if state.startswith("28"):
        return "; check user and password"
    return ""
