"""A source: a value that says what to read, and the open partition that reads it."""

from __future__ import annotations

from dataclasses import dataclass

from rivusio_core import SourceError
from rivusio_streams.source import EndOfPartition, Partition, Position, Source

__all__ = ["Words"]


@dataclass(frozen=True)
class Words(Source[str]):
    """The words of a text, in order. Replay is seekable: a position is the number of words read.

    Args:
        text: the text.
    """

    text: str

    replay = "seekable"

    def open_partition(self, partition: str, position: Position | None) -> Partition[str]:
        """Begin at the first word, or behind those that `position` counts.

        Raises:
            SourceError: the position is none of this source's.
        """
        words = self.text.split()
        begin = 0 if position is None else position
        if not isinstance(begin, int) or not 0 <= begin <= len(words):
            raise SourceError(f"{self.step_name}: the saved position is none of a text of {len(words)} words")
        return _OpenWords(words, begin)


class _OpenWords(Partition[str]):
    def __init__(self, words: list[str], begin: int) -> None:
        self._words = words
        self._next = begin

    def next_batch(self, maximum: int) -> list[str]:
        batch = self._words[self._next : self._next + maximum]
        if not batch:
            raise EndOfPartition
        self._next += len(batch)
        return batch

    def position(self) -> Position:
        return self._next
