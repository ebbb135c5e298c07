"""State by key of which only so much is kept in memory: the rest is forgotten, or put away on disk."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, MutableMapping
from typing import Any

from rivusio_core.engine.weight import weight
from rivusio_core.errors import CheckpointError, StateError
from rivusio_streams.state import Codec
from rivusio_streams.state.spill import Spill

__all__ = ["BoundedStates"]

_PLACE = 200
"""Bytes that a key costs besides itself and its value, about."""


class BoundedStates(MutableMapping[Any, Any]):
    """A dict whose entries go, those used longest ago first, once there are too many; reading is using.

    They go in `settle` only: what a caller holds between two calls of it stays the same object. A value that is read
    after it went to disk is another object, equal to the one that was put away.

    Args:
        step: what errors call it.
        keys: entries in memory at most.
        memory: bytes in memory at most.
        weigh: weigh them even if `memory` is None.
        forget: told of each key that is to go, and removes it here; None: they are put away.
        spill: where they go; None: nowhere.
    """

    def __init__(
        self,
        step: str,
        keys: int | None,
        memory: int | None,
        *,
        weigh: bool = False,
        forget: Callable[[Any], None] | None = None,
        spill: Spill | None = None,
    ) -> None:
        self._step, self._keys, self._memory, self._forget, self._spill = step, keys, memory, forget, spill
        self._weighs = weigh or memory is not None
        self._hot = OrderedDict[Any, Any]()
        """In the order of use."""
        self._weights: dict[Any, int] = {}
        self._used: set[Any] = set()
        """Since `settle`: what may have another weight now."""
        self._numbers: dict[Any, int] = {}
        """By key: when it was used, to know the order in the next run, too."""
        self._number = 0
        self._away = 0
        """Entries on disk."""
        self._copied: set[Any] = set()
        """Entries in memory that are on disk, too: as they were."""
        self._absent: Any = None
        """The key that was looked for last, and is not there."""
        self._codec = Codec()
        self.held = 0
        """Bytes in memory, about."""

    # ------------------------------------------------------------------------------------------------ as a dict

    def __getitem__(self, key: Any) -> Any:
        if key not in self._hot:
            if self._spill is None:
                raise KeyError(key)
            value = self._read(key)
            self._hot[key] = value
            self._copied.add(key)
        self._use(key)
        return self._hot[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        if key not in self._hot and key is not self._absent and self._is_away(key):
            self._copied.add(key)
        self._absent = None
        self._hot[key] = value
        self._use(key)

    def __delitem__(self, key: Any) -> None:
        here = key in self._hot
        if self._spill is not None and (key in self._copied or (not here and self._is_away(key))):
            self._attempt(self._spill.delete, self._codec.encode_key(key))
            self._away -= 1
        elif not here:
            raise KeyError(key)
        self._drop(key)

    def __contains__(self, key: object) -> bool:
        return key in self._hot or self._is_away(key)

    def __iter__(self) -> Iterator[Any]:
        yield from self._hot
        if self._spill is not None:
            for data in self._spill:
                key = self._codec.decode(data)
                if key not in self._hot:
                    yield key

    def __len__(self) -> int:
        return len(self._hot) + self._away - len(self._copied)

    def clear(self) -> None:
        """Remove all, for good: nothing goes to disk any more."""
        for key in [*self._hot]:
            self._drop(key)
        self.close()

    def use(self, key: Any) -> None:
        """A key was of use, though its value was not read."""
        if key in self._hot:
            self._use(key)

    def peek(self, key: Any) -> Any:
        """A value, without using it.

        Raises:
            KeyError: there is none.
        """
        return self._hot[key] if key in self._hot else self._read(key)

    # ------------------------------------------------------------------------------------------------- in bounds

    def settle(self) -> None:
        """Have go what is too much."""
        if self._weighs:
            for key in self._used:
                if key in self._hot:
                    now = _PLACE + weight(key) + weight(self._hot[key])
                    self.held += now - self._weights.get(key, 0)
                    self._weights[key] = now
        self._used.clear()
        hot, keys, memory = self._hot, self._keys, self._memory
        while (keys is not None and len(hot) > keys) or (memory is not None and self.held > memory and len(hot) > 1):
            oldest = next(iter(hot))
            if self._forget is not None:
                self._forget(oldest)
            elif self._spill is not None:
                self._put_away(self._spill, oldest)
            else:
                break

    def number(self, key: Any) -> int | None:
        """When a key was used last, as a number that grows; None where nobody needs it."""
        return self._numbers.get(key)

    def restore(self, key: Any, value: Any, number: int | None) -> None:
        """Take up what `number` and `peek` gave in another run; call `restored` when all is here."""
        self[key] = value
        if self._forget is None:
            self.settle()  # it may be more than what fits into memory
        elif number is not None:
            self._numbers[key] = number

    def restored(self) -> None:
        """Everything is here."""
        if self._forget is not None:
            for key in sorted(self._hot, key=lambda each: self._numbers[each]):
                self._hot.move_to_end(key)
            self._number = max(self._numbers.values(), default=0)
        self.settle()

    def close(self) -> None:
        """Release the disk, with what is there."""
        spill, self._spill, self._away = self._spill, None, 0
        self._copied.clear()
        if spill is not None:
            spill.close()

    def _use(self, key: Any) -> None:
        self._hot.move_to_end(key)
        self._used.add(key)
        if self._forget is not None:
            self._number += 1
            self._numbers[key] = self._number

    def _drop(self, key: Any) -> None:
        self._hot.pop(key, None)
        self._copied.discard(key)
        self._used.discard(key)
        self._numbers.pop(key, None)
        self.held -= self._weights.pop(key, 0)

    # ------------------------------------------------------------------------------------------------- the disk

    def _is_away(self, key: object) -> bool:
        return self._spill is not None and self._attempt(self._spill.get, self._codec.encode_key(key)) is not None

    def _read(self, key: Any) -> Any:
        data = None if self._spill is None else self._attempt(self._spill.get, self._codec.encode_key(key))
        if data is None:
            self._absent = key
            raise KeyError(key)
        return self._codec.decode(data)

    def _put_away(self, spill: Spill, key: Any) -> None:
        self._attempt(spill.put, self._codec.encode_key(key), self._codec.encode(self._hot[key]))
        self._away += key not in self._copied
        self._drop(key)

    def _attempt(self, call: Callable[..., Any], *arguments: bytes) -> Any:  # of a Spill: get, put or delete
        try:
            return call(*arguments)
        except (StateError, CheckpointError):
            raise
        except Exception as error:
            raise StateError(
                f"step {self._step!r}: state on disk cannot be used: {type(error).__name__}: {error}"
            ) from error
