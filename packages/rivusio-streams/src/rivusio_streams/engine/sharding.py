"""Which shard has which key, and how what shards keep is put together and dealt out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any
from zlib import crc32

from rivusio_core.engine.stage import GONE, Chunk
from rivusio_streams.engine.operator import SHARED, Operator
from rivusio_streams.engine.origin import KEY

__all__ = ["SharedCells", "dealt", "split", "stable_hash"]


@lru_cache(maxsize=65_536)
def stable_hash(key: Any) -> int:
    """A number for a key, equal for equal keys; the same in every process for text and numbers, and tuples of them.

    Raises:
        TypeError: the key cannot be hashed.
    """
    if isinstance(key, str):
        return crc32(key.encode("utf-8", "surrogatepass"))
    if isinstance(key, bytes):
        return crc32(key)
    if type(key) is tuple:
        return hash(tuple(map(stable_hash, key)))
    return hash((key,))  # of a tuple, since numbers are their own hashes, and all keys might be even


def _shard_of(key: Any, shards: int) -> int:
    try:
        return stable_hash(key) % shards
    except Exception:  # noqa: BLE001  # user code may raise anything; the step will fail for this item
        return 0


def split(chunk: Chunk, shards: int) -> list[Chunk]:
    """The items of each shard, in order."""
    own = [list[int]() for _ in range(shards)]
    for index, key in enumerate(chunk.columns[KEY]):
        own[_shard_of(key, shards)].append(index)
    columns = [column if isinstance(column, list | range) else [*column] for column in chunk.columns]
    return [
        Chunk([*map(chunk.values.__getitem__, each)], tuple([*map(c.__getitem__, each)] for c in columns))
        for each in own
    ]


class SharedCells:
    """What cells that belong to no key alone say, by shard.

    Args:
        operator: of the step.
        shards: how many.
    """

    def __init__(self, operator: Operator, shards: int) -> None:
        self._operator, self._shards = operator, shards
        self._values: dict[Any, list[Any]] = {}

    def put(self, cell: Any, values: Sequence[Any]) -> None:
        """Each shard has this of a cell."""
        self._values[cell] = [*values]

    def together(self, kept: Sequence[Iterable[tuple[Any, Any]]]) -> Iterator[tuple[Any, Any]]:
        """The cells of all shards, from those of each."""
        changed = dict[Any, None]()
        for shard, cells in enumerate(kept):
            for cell, value in cells:
                if self._operator.owner(cell) is SHARED:
                    self._values.setdefault(cell, [GONE] * self._shards)[shard] = value
                    changed[cell] = None
                else:
                    yield cell, value
        for cell in changed:
            there = [value for value in self._values[cell] if value is not GONE]
            if there:
                yield cell, self._operator.shared_of(there)
            else:
                del self._values[cell]
                yield cell, GONE


def dealt(operator: Operator, cells: Mapping[Any, Any], shards: int) -> tuple[list[dict[Any, Any]], SharedCells]:
    """The cells of each shard; the first one has what shared cells count."""
    shares, shared = [dict[Any, Any]() for _ in range(shards)], SharedCells(operator, shards)
    for cell, value in cells.items():
        owner = operator.owner(cell)
        if owner is SHARED:
            others = operator.without_counts(value)
            shared.put(cell, [value, *[others] * (shards - 1)])
            for index, share in enumerate(shares):
                share[cell] = others if index else value
        else:
            shares[_shard_of(owner, shards)][cell] = value
    return shares, shared
