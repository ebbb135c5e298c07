"""Takes what stages keep, and makes bytes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from rivusio_core.engine.stage import GONE, Keeper
from rivusio_core.errors import StateError
from rivusio_streams.checkpoint.lots import lots
from rivusio_streams.checkpoint.record import StepState
from rivusio_streams.state import Codec

__all__ = ["StateKeeper", "add_to"]

_LASTING = frozenset({type(None), bool, int, float, str, bytes, type(GONE)})


class StateKeeper(Keeper):
    """The states of one checkpoint.

    What cannot change any more is only noted when a barrier passes, and encoded later, in another thread; a value that
    may go on changing is encoded at once.

    Args:
        codec: makes bytes of values.
        whole: all cells are wanted, not only those that changed.
    """

    def __init__(self, codec: Codec, *, whole: bool) -> None:
        self.whole = whole
        self._codec = codec
        self._noted: dict[str, tuple[bytes, list[tuple[Any, Any, bytes | None]]]] = {}
        """By step: its header, and ids and values of cells, with the bytes of those that are encoded."""

    @property
    def steps(self) -> Collection[str]:
        """The steps that were here."""
        return self._noted.keys()

    def keep(self, step: str, header: object, cells: Iterable[tuple[Any, Any]] = ()) -> None:
        """Take what a step keeps.

        Raises:
            StateError: a value cannot be kept; it says which step, and where in the value.
        """
        encode = self._codec.encode
        try:
            self._noted[step] = (
                encode(header),
                [
                    (cell, value, None if type(value) in _LASTING or _lasts(value) else encode(value))
                    for cell, value in cells
                ],
            )
        except StateError as error:
            raise StateError(f"step {step!r}: {error}") from error.__cause__

    def encoded(self) -> dict[str, StepState]:
        """What was taken, as bytes; called once, in a worker thread.

        Raises:
            StateError: the id of a cell cannot be kept; it says which step.
        """
        noted, self._noted = self._noted, {}
        return {step: StepState(header, self._cells(step, cells)) for step, (header, cells) in noted.items()}

    def _cells(self, step: str, noted: list[tuple[Any, Any, bytes | None]]) -> dict[bytes, bytes | None]:
        encode, id_of, found = self._codec.encode, self._codec.encode_key, dict[bytes, bytes | None]()
        try:
            for lot in lots(noted):
                for cell, value, data in lot:
                    found[id_of(cell)] = None if value is GONE else encode(value) if data is None else data
        except StateError as error:
            raise StateError(f"step {step!r}: {error}") from error.__cause__
        return found


def _lasts(value: object) -> bool:
    return type(value) in _LASTING or (type(value) is tuple and all(map(_lasts, value)))


def add_to(earlier: dict[str, StepState], steps: Mapping[str, StepState]) -> None:
    """Put states on top of changes that no checkpoint has yet."""
    for name, own in steps.items():
        state = earlier.setdefault(name, StepState(own.header, {}))
        state.header = own.header
        for lot in lots(own.cells.items()):
            for cell, value in lot:
                if value is None or state.cells.get(cell) is None:  # what was gone in between comes last again
                    state.cells.pop(cell, None)
                state.cells[cell] = value
