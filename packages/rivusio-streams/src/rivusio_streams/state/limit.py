"""How much a keyed step may keep, and what becomes of more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rivusio_core.duration import Size, size
from rivusio_core.errors import ConfigError, Fault
from rivusio_streams.state.spill import SpillStore

__all__ = ["StateLimit"]


@dataclass(frozen=True)
class StateLimit:
    """How much the keyed step behind `key_by` may keep.

    Attributes:
        keys: with state at most. In windows and joins each open window, or waiting item, of a key counts.
        memory: bytes at most, such as `"1GiB"`, by estimate: state is weighed after each item that changes it.
        beyond: `"fail"`: the run ends with `StateLimitExceeded`. `"forget"`: the keys used longest ago are forgotten
            with their timers, as if they had never been seen; they are counted and logged. A `SpillStore`: they go to
            disk, and come back when they are used. Windows and joins can only fail, for they would give wrong results.

    Raises:
        ConfigError: a number is wrong, or both are missing.

    Example:
        >>> from rivusio_streams import Stream
        >>> out: list[tuple[str, int]] = []
        >>> words = Stream.read(["a", "b", "c", "a"]).key_by(lambda w: w, limit=StateLimit(keys=2, beyond="forget"))
        >>> report = words.scan(0, lambda count, word: count + 1).write(out).run()
        >>> out[-1], report.steps["scan"].forgotten  # "a" had been used longest ago when "c" came
        (('a', 1), 2)
    """

    keys: int | None = None
    memory: Size | None = None
    beyond: Literal["fail", "forget"] | SpillStore = "fail"

    def __post_init__(self) -> None:
        faults = list[Fault]()
        if self.keys is None and self.memory is None:
            faults.append(Fault("give keys, memory, or both"))
        keys: object = self.keys  # callers may be untyped
        if keys is not None and (not isinstance(keys, int) or isinstance(keys, bool) or keys < 1):
            faults.append(Fault(f"is a number of keys, 1 or more, not {keys!r}", "keys"))
        try:
            if self.bytes is not None and self.bytes < 1:
                faults.append(Fault("must be more than 0", "memory"))
        except ConfigError as error:
            faults.append(Fault(str(error), "memory"))
        if self.beyond not in ("fail", "forget") and not isinstance(self.beyond, SpillStore):
            faults.append(Fault(f"is 'fail', 'forget' or a SpillStore, not {self.beyond!r}", "beyond"))
        if faults:
            raise ConfigError("StateLimit", faults=faults)

    @property
    def bytes(self) -> int | None:
        """`memory` in bytes."""
        return None if self.memory is None else size(self.memory)
