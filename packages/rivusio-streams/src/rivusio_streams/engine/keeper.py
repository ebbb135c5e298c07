"""Takes what stages keep, as bytes: encoded the moment a barrier passes them, for they go on changing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rivusio_core.engine.stage import GONE, Keeper
from rivusio_core.errors import StateError
from rivusio_streams.checkpoint.record import StepState
from rivusio_streams.state import Codec

__all__ = ["StateKeeper"]


class StateKeeper(Keeper):
    """The states of one checkpoint.

    Args:
        codec: makes bytes of values.
        whole: all cells are wanted, not only those that changed.
    """

    def __init__(self, codec: Codec, *, whole: bool) -> None:
        self.whole = whole
        self.steps: dict[str, StepState] = {}
        self._codec = codec

    def keep(self, step: str, header: object, cells: Iterable[tuple[Any, Any]] = ()) -> None:
        """Take what a step keeps.

        Raises:
            StateError: a value cannot be kept; it says which step, and where in the value.
        """
        encode, key_of = self._codec.encode, self._codec.encode_key
        try:
            kept = {key_of(key): None if value is GONE else encode(value) for key, value in cells}
            self.steps[step] = StepState(encode(header), kept)
        except StateError as error:
            raise StateError(f"step {step!r}: {error}") from error.__cause__

    def add_to(self, earlier: dict[str, StepState]) -> None:
        """Put this on top of changes that no checkpoint has yet."""
        for name, own in self.steps.items():
            state = earlier.setdefault(name, StepState(own.header, {}))
            state.header = own.header
            for cell, value in own.cells.items():
                if value is None or state.cells.get(cell) is None:  # what was gone in between comes last again
                    state.cells.pop(cell, None)
                state.cells[cell] = value
