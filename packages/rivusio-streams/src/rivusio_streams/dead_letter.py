"""Dead letters: items that failed for good, with all that is known of the failure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rivusio_core.dead_letter import DeadLetter
from rivusio_core.errors import PipeError, SinkError
from rivusio_core.listener import RunInfo
from rivusio_streams.connectors.listing import sink_of
from rivusio_streams.engine.origin import ORIGIN, POSITION, Origin
from rivusio_streams.engine.port import Port
from rivusio_streams.fingerprint import causes_of, fingerprint_of, place_of
from rivusio_streams.letters.file import LettersFile
from rivusio_streams.moment import as_datetime
from rivusio_streams.sink import BaseSink

__all__ = ["Cause", "Envelope", "letters_sink"]


@dataclass(frozen=True)
class Cause:
    """One error of a chain.

    Attributes:
        error: its type.
        place: file, line and function of the user's code that raised it; empty where that is not known.
        text: its message, where it is one of Rivusio's errors; others may quote an item or a secret.
    """

    error: str
    place: str = ""
    text: str = ""


@dataclass(frozen=True)
class Envelope:
    """A dead letter as it is written to the run's dead-letter sink.

    Attributes:
        value: the item as it came to the step that failed (for a source: the undecoded record).
        step: that step.
        reason: the error's message, which quotes no item.
        errors: the types of the errors, outermost first, down to the first cause.
        attempts: how often the item was tried, replays included.
        source: the step that read it, or made it of others.
        partition: the source's partition.
        position: index of the item in its partition, from 0.
        time: its event time, where one is known by then.
        key: its key, where one is known by then.
        side: for a join: of which of its two streams it is, 0 or 1.
        trace: the errors with their places, outermost first.
        fingerprint: 8 hexadecimal digits, equal for failures of one kind: step, type, place, message.
        run: name of the run.
        run_id: its id.
        at: when it failed last.
        first: when it failed first; another time than `at` if it was replayed since.
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
    side: int | None = None
    trace: tuple[Cause, ...] = ()
    fingerprint: str = ""
    run: str = ""
    run_id: str = ""
    at: datetime | None = None
    first: datetime | None = None

    @staticmethod
    def of(letter: DeadLetter, origins: Sequence[Origin], port: Port | None, run: RunInfo, wall: int) -> Envelope:
        """The envelope for what a step gave.

        Args:
            letter: what it gave.
            origins: of the run.
            port: of the step; None: it is a source.
            run: name and id.
            wall: now, microseconds since the epoch.
        """
        known, error = letter.columns, letter.error
        origin = origins[_int(known, ORIGIN)] if len(known) > ORIGIN else Origin("")
        time = None if port is None else port.time(known)
        chain = [*causes_of(error)]
        return Envelope(
            value=letter.value,
            step=error.pipe,
            reason=error.reason,
            errors=tuple(type(each).__name__ for each in chain),
            attempts=error.attempts,
            source=origin.step,
            partition=origin.partition,
            position=_int(known, POSITION) if known else error.position,
            time=None if time is None else as_datetime(time),
            key=None if port is None else port.key(known),
            side=None if port is None else port.side(known),
            trace=tuple(map(_cause, chain)),
            fingerprint=fingerprint_of(error).id,
            run=run.name,
            run_id=run.id,
            at=as_datetime(wall),
            first=as_datetime(wall),
        )


def _int(columns: Sequence[object], index: int) -> int:
    value = columns[index]
    return value if isinstance(value, int) else -1


def _cause(error: BaseException) -> Cause:
    own = isinstance(error, PipeError) and bool(error.args) and bool(error.args[0])
    return Cause(type(error).__name__, place_of(error), str(error.args[0]) if own else "")


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
    return LettersFile(place)  # those of earlier runs may still wait to be replayed
