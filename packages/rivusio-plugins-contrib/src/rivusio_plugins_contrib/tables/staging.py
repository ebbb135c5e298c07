"""Rows that wait in a table of their own, beside the one that they are for, until a checkpoint has them.

Rows of one checkpoint have one number, and numbers of an owner grow. Publishing moves the rows and notes the number, in
one transaction: so it is known what was published, and that it is not published again.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from pydantic import JsonValue

from rivusio_core.errors import SinkError
from rivusio_plugins_contrib.tables.dialect import own_name, quoted
from rivusio_plugins_contrib.tables.session import Row, Session

__all__ = ["PUBLISHED", "Staging"]

PUBLISHED = "rivusio_published"
"""The table that says what was published: by table and owner the highest number."""
_OWNER, _NUMBER, _ROW = "rivusio_owner", "rivusio_number", "rivusio_row"
_OWN = {_OWNER: "TEXT", _NUMBER: "BIGINT", _ROW: "BIGINT"}
_log = logging.getLogger("rivusio")


class Staging:
    """What one owner stages for one table.

    Args:
        session: the connection; of this sink alone.
        table: the table.
        names: of its columns that are written.
        key: which of them identify a row.
        owner: flow and step.
    """

    def __init__(self, session: Session, table: str, names: Sequence[str], key: Sequence[str], owner: str) -> None:
        self._session, self._table, self._names, self._key, self._owner = session, table, tuple(names), key, owner
        self._dialect = session.dialect
        self._staged = own_name("staged", table, self._dialect.longest)
        self._number = 0
        """Of the rows that are being staged."""
        self._count = 0

    def recover(self, tokens: Sequence[JsonValue]) -> None:
        """Publish what a checkpoint has, and throw away what else this owner staged.

        Raises:
            SinkError: rows are lost.
        """
        session, parsed = self._session, [self._parsed(each) for each in tokens]
        with session.transaction():
            session.guard()
            session.run(
                f"CREATE TABLE IF NOT EXISTS {PUBLISHED} "
                "(table_name TEXT, owner TEXT, number BIGINT NOT NULL, PRIMARY KEY (table_name, owner))"
            )
            if not session.columns(self._staged):
                self._make()
        for token in tokens:
            self.publish(token)
        last = self._published()
        if parsed and last > parsed[-1][0]:
            _log.warning(
                "%s: it has results that were published after the checkpoint which this run goes on from; they are "
                "written again",
                session.place,
            )
        with session.transaction():
            session.guard()
            session.run(f"DELETE FROM {quoted(self._staged)} WHERE {_OWNER} = {self._at(1)}", [self._owner])
            self._fit()
        self._number, self._count = max([last, *(number for number, _ in parsed)]) + 1, 0

    def _make(self) -> None:
        self._session.run(self._dialect.like(self._staged, self._table, self._names, _OWN))
        index = own_name("index", self._table, self._dialect.longest)
        columns = ", ".join((_OWNER, _NUMBER, _ROW))
        self._session.run(f"CREATE UNIQUE INDEX {quoted(index)} ON {quoted(self._staged)} ({columns})")

    def _fit(self) -> None:
        """Another model than last time may have other columns, or the table was changed."""
        there, wanted = self._session.columns(self._staged), self._session.columns(self._table)
        if all(name in there and there[name] == wanted.get(name, there[name]) for name in self._names):
            return
        if self._session.run(f"SELECT 1 FROM {quoted(self._staged)} LIMIT 1"):
            raise SinkError(
                f"{self._session.place}: its columns have changed, and {self._staged!r} still holds rows that other "
                "flows staged with the old ones; let them go on to their next checkpoint first"
            )
        self._session.run(f"DROP TABLE {quoted(self._staged)}")
        self._make()

    def add(self, rows: Sequence[Row]) -> None:
        """Stage rows."""
        if rows:
            numbered = [(self._owner, self._number, self._count + at, *row) for at, row in enumerate(rows)]
            with self._session.transaction():
                self._session.load(self._staged, (*_OWN, *self._names), numbered, ())
            self._count += len(rows)

    def token(self) -> JsonValue:
        """What was staged since the last call."""
        if not self._count:
            return {"number": self._number - 1, "rows": 0}
        token: JsonValue = {"number": self._number, "rows": self._count}
        self._number, self._count = self._number + 1, 0
        return token

    def publish(self, token: JsonValue) -> None:
        """Move staged rows to where they belong, once.

        Raises:
            SinkError: they are lost.
        """
        number, rows = self._parsed(token)
        if not rows:
            return
        session, staged, own = self._session, quoted(self._staged), [self._owner, number]
        where = f"{_OWNER} = {self._at(1)} AND {_NUMBER} = {self._at(2)}"
        with session.transaction():
            if self._published() >= number:
                return
            ((count,),) = session.run(f"SELECT count(*) FROM {staged} WHERE {where}", own)
            if count != rows:
                raise SinkError(
                    f"{session.place}: the checkpoint has {rows} rows that were staged in {self._staged!r}, which has "
                    f"{count} of them; is this the database that it was made with? Bring them back, or begin anew with "
                    "`rivusio checkpoints reset`"
                )
            # Of the model that staged them, which may not be the one of now.
            names = [name for name in session.columns(self._staged) if name not in _OWN]
            session.run(
                self._dialect.move(self._staged, self._table, names, self._key, (_OWNER, _NUMBER), _ROW),
                own,
            )
            session.run(f"DELETE FROM {staged} WHERE {where}", own)
            columns = ("table_name", "owner", "number")
            session.run(self._dialect.insert(PUBLISHED, columns, columns[:2]), [self._table, *own])

    def _published(self) -> int:
        query = f"SELECT number FROM {PUBLISHED} WHERE table_name = {self._at(1)} AND owner = {self._at(2)}"
        found = self._session.run(query, [self._table, self._owner])
        return int(found[0][0]) if found else 0

    def _at(self, number: int) -> str:
        return self._dialect.marker.format(number)

    def _parsed(self, token: JsonValue) -> tuple[int, int]:
        if isinstance(token, dict):
            number, rows = token.get("number"), token.get("rows")
            if type(number) is int and type(rows) is int and number >= 0 and rows >= 0:
                return number, rows
        raise SinkError(
            f"{self._session.place}: {token!r} is no token of this table; was the checkpoint made for another one?"
        )
