"""The checkpoints of one flow in a store: the last good one is found, the next one is added, old ones are thrown away.

A blob holds either a whole checkpoint or what changed since the one before. As soon as the changes since the last whole
one weigh more than it does, they are put together to a new whole one, from their bytes: that costs the run nothing,
and writing stays in proportion to what changes.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass

from rivusio_core.errors import CheckpointCorrupt, CheckpointWriteError
from rivusio_streams.checkpoint.record import Record, merged, seal, unseal
from rivusio_streams.checkpoint.store import CheckpointStore

__all__ = ["Found", "History"]

_WHOLE, _CHANGES, _SAVEPOINT = "whole", "changes", "savepoint"
_NAME = re.compile(r"(\d{12})-(whole|changes)|savepoint-([A-Za-z0-9][A-Za-z0-9_.-]{0,99})")
_LONGEST = 100
"""Changes that a checkpoint may consist of: each is a blob to read at the next start."""
_log = logging.getLogger("rivusio")


@dataclass(frozen=True)
class Found:
    """The checkpoint to go on from.

    Attributes:
        record: it, whole.
        damaged: what is wrong with later ones, which could not be used.
    """

    record: Record
    damaged: tuple[str, ...]


class History:
    """What a run does with its store. Blocks; one call at a time.

    Args:
        store: opened for the flow.
        kept: whole checkpoints that are kept, with all that add to them.
    """

    def __init__(self, store: CheckpointStore, kept: int = 2) -> None:
        self._store, self._kept = store, kept
        self._last = 0
        """The highest number ever seen: none is used twice."""
        self._base: int | None = None
        """The checkpoint that the next one adds to."""
        self._whole_size = 0
        self._since: list[tuple[int, int]] = []
        """Numbers and sizes of the changes since the last whole one."""

    # ------------------------------------------------------------------------------------------------- reading

    def numbers(self) -> list[int]:
        """All checkpoints in the store, damaged ones included, oldest first."""
        return sorted(self._by_number())

    def savepoints(self) -> list[str]:
        """The names of all savepoints."""
        found = (_NAME.fullmatch(name) for name in self._store.names())
        return sorted(match[3] for match in found if match and match[3])

    def latest(self) -> Found | None:
        """The last good checkpoint; None: there is none, and never was.

        Raises:
            CheckpointCorrupt: there are some, and none is good.
        """
        damaged, blobs = list[str](), dict[str, Record]()
        numbers = self.numbers()
        self._last = max(numbers, default=0)
        for number in reversed(numbers):
            try:
                record = self._at(number, blobs)
            except CheckpointCorrupt as error:
                damaged.append(str(error))
            else:
                return Found(record, tuple(damaged))
        if damaged:
            raise CheckpointCorrupt(
                f"{self._store.place}: no checkpoint can be used: {'; '.join(damaged)}; to begin anew, without what "
                "they held: rivusio checkpoints reset"
            )
        return None

    def at(self, number: int) -> Record:
        """One checkpoint, whole.

        Raises:
            CheckpointCorrupt: it is damaged, or not there.
        """
        return self._at(number, {})

    def savepoint(self, name: str) -> Record:
        """A savepoint.

        Raises:
            CheckpointCorrupt: it is damaged, or not there.
        """
        blob = f"{_SAVEPOINT}-{name}"
        if blob not in self._store.names():
            known = ", ".join(self.savepoints())
            raise CheckpointCorrupt(f"{self._store.place}: there is no savepoint {name!r}; there is {known or 'none'}")
        return self._read(blob, {})

    def _by_number(self) -> dict[int, set[str]]:
        found = dict[int, set[str]]()
        for name in self._store.names():
            match = _NAME.fullmatch(name)
            if match and match[1]:
                found.setdefault(int(match[1]), set()).add(match[2])
        return found

    def _at(self, number: int, blobs: dict[str, Record]) -> Record:
        """Put together from the changes back to a whole one; a damaged whole one is gone round if possible."""
        names, chain = self._by_number(), list[Record]()
        at: int | None = number
        while at is not None:
            kinds = names.get(at, set())
            if _WHOLE in kinds:
                try:
                    chain.append(self._read(_blob(at, _WHOLE), blobs))
                    break
                except CheckpointCorrupt:
                    if _CHANGES not in kinds:
                        raise
            if _CHANGES not in kinds:
                raise CheckpointCorrupt(f"{self._store.place}: checkpoint {at} is missing, which {number} adds to")
            record = self._read(_blob(at, _CHANGES), blobs)
            chain.append(record)
            at = record.base
        return merged(reversed(chain))

    def _read(self, name: str, blobs: dict[str, Record]) -> Record:
        if name not in blobs:
            blobs[name] = unseal(self._store.get(name), f"{self._store.place}: {name}")
        return blobs[name]

    # ------------------------------------------------------------------------------------------------- writing

    @property
    def next(self) -> int:
        """The number of the next checkpoint."""
        return self._last + 1

    @property
    def base(self) -> int | None:
        """The number of the checkpoint that the next one adds to; None: it must be whole."""
        return self._base

    def go_on_from(self, record: Record) -> None:
        """Add to a checkpoint of this history; without this call the next one must be whole."""
        self._last, self._base = max(self._last, record.number), record.number

    def sealed(self, record: Record) -> tuple[str, bytes]:
        """Name and bytes under which a checkpoint is to be put."""
        return _blob(record.number, _WHOLE if record.base is None else _CHANGES), seal(record)

    def put(self, record: Record) -> None:
        """Add a checkpoint, durably: the commit point.

        Raises:
            CheckpointWriteError: it was not added.
        """
        name, data = self.sealed(record)
        self._last = max(self._last, record.number)  # used up, whatever becomes of it
        self._store.put(name, data)
        self.added(record, len(data))

    def added(self, record: Record, size: int) -> None:
        """A checkpoint is in the store: put changes together where it is time, and throw away what is old."""
        self._last, self._base = max(self._last, record.number), record.number
        if record.base is None:
            self._whole_size, self._since = size, []
        else:
            self._since.append((record.number, size))
        try:
            if len(self._since) >= _LONGEST or sum(each for _, each in self._since) > self._whole_size + 65_536:
                whole = seal(self._at(record.number, {}))
                self._store.put(_blob(record.number, _WHOLE), whole)
                self._whole_size, self._since = len(whole), []
            if not self._since:
                self._prune()
        except (CheckpointWriteError, CheckpointCorrupt) as error:
            _log.warning("%s: tidying up checkpoints failed, which is tried again: %s", self._store.place, error)

    def _prune(self) -> None:
        names = self._by_number()
        whole = sorted(number for number, kinds in names.items() if _WHOLE in kinds)
        if len(whole) > self._kept:
            oldest = whole[-self._kept]
            old = [_blob(number, kind) for number, kinds in names.items() if number < oldest for kind in kinds]
            self._store.delete(old)

    def save(self, name: str, record: Record) -> None:
        """Keep a whole checkpoint under a name of its own, until it is deleted.

        Raises:
            CheckpointWriteError: it is not kept, or there is one of this name, or it cannot be a name.
        """
        blob = f"{_SAVEPOINT}-{name}"
        if not _NAME.fullmatch(blob):
            raise CheckpointWriteError(f"{name!r} cannot name a savepoint: use letters, digits, - _ and .")
        if blob in self._store.names():
            raise CheckpointWriteError(f"{self._store.place}: there is a savepoint {name!r} already")
        self._store.put(blob, seal(merged([record])))

    def reset(self, *, savepoints: bool = False) -> int:
        """Throw away all checkpoints, and savepoints if asked; gives how many blobs there were."""
        names = [each for each in self._store.names() if savepoints or not each.startswith(_SAVEPOINT)]
        self._store.delete(names)
        return len(names)

    def sizes(self) -> Mapping[int, int]:
        """By number: bytes of the blobs of each checkpoint."""
        found = dict[int, int]()
        for number, kinds in self._by_number().items():
            found[number] = sum(len(self._store.get(_blob(number, kind))) for kind in kinds)
        return found


def _blob(number: int, kind: str) -> str:
    return f"{number:012d}-{kind}"
