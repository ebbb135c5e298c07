"""Dead letters: items that failed for good, with all that is known of the failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rivusio_core.dead_letter import DeadLetter
from rivusio_core.errors import SinkError
from rivusio_streams.connectors.json_lines import JsonLines
from rivusio_streams.connectors.listing import sink_of
from rivusio_streams.engine.origin import MARK, ORIGIN, POSITION, TIME, TIMED, Origin
from rivusio_streams.moment import as_datetime
from rivusio_streams.sink import BaseSink

__all__ = ["Envelope", "letters_sink"]


@dataclass(frozen=True)
class Envelope:
    """A dead letter as it is written to the run's dead-letter sink.

    Attributes:
        value: the item as it came to the step that failed (for a source: the undecoded record).
        step: that step.
        reason: the error's message, which quotes no item.
        errors: the types of the errors, outermost first, down to the first cause.
        attempts: how often the item was tried.
        source: the step that read it, or made it of others.
        partition: the source's partition.
        position: index of the item in its partition, from 0.
        time: its event time, where one is known by then.
        key: its key, where one is known by then.
    """

    value: object
    step: str
    reason: str
    errors: tuple[str, ...]
    attempts: int
    source: str
    partition: str
    position: int | None
    time: datetime | None = None
    key: object = None

    @staticmethod
    def of(letter: DeadLetter, origins: Sequence[Origin]) -> Envelope:
        """The envelope for what a step gave."""
        known, error = letter.columns, letter.error
        origin = origins[_int(known, ORIGIN)] if len(known) > ORIGIN else Origin("")
        timed = len(known) >= TIMED
        return Envelope(
            value=letter.value,
            step=error.pipe,
            reason=error.reason,
            errors=tuple(_chain(error)),
            attempts=error.attempts,
            source=origin.step,
            partition=origin.partition,
            position=_int(known, POSITION) if known else error.position,
            time=as_datetime(_int(known, TIME)) if timed else None,
            key=known[-1] if len(known) not in (ORIGIN + 1, MARK + 1) and timed else None,
        )


def _int(columns: Sequence[object], index: int) -> int:
    value = columns[index]
    return value if isinstance(value, int) else -1


def _chain(error: BaseException | None) -> list[str]:
    names, seen = list[str](), set[int]()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        names.append(type(error).__name__)
        error = error.__cause__
    return names


def letters_sink(place: BaseSink[Any] | list[Any] | Path) -> BaseSink[Any]:
    """The sink for what `RunConfig.dead_letters` says; a file that is not there yet is made for its owner alone.

    Raises:
        SinkError: the file cannot be made.
    """
    if not isinstance(place, Path):
        return sink_of(place)
    try:
        place.touch(mode=0o600)  # dead letters hold items, and items may hold anything
    except OSError as error:
        raise SinkError(
            f"{place} cannot be written: {error.strerror}; its folder must exist and be writable"
        ) from error
    return JsonLines(place, append=True)  # those of earlier runs may still wait to be replayed
