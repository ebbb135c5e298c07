"""Where items come from, and the columns that travel beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["KEY", "MARK", "ORIGIN", "POSITION", "SIDE", "TIME", "TIMED", "UNTIMED", "Origin"]

POSITION: Final = 0
"""Column: index of the item in its partition, rejected records counted."""
ORIGIN: Final = 1
"""Column: which partition, an index into the run's origins."""
TIME: Final = 2
"""Column, once a step or source has given times: event time in microseconds."""
MARK: Final = 3
"""Column, beside TIME: the watermark just before the item, so that lateness does not depend on how items are cut
into chunks, nor on what was filtered out in between."""
KEY: Final = -1
"""Column, between the key step and the keyed step behind it: the key."""

SIDE: Final = -2
"""Column, before KEY, between the streams that are joined and the join: which of them, 0 or 1."""

UNTIMED: Final = 2
"""How many columns there are before times are known."""
TIMED: Final = 4
"""How many columns there are once times are known."""


@dataclass(frozen=True)
class Origin:
    """A source partition; or a step that makes new items of many, whose only partition is ''."""

    step: str
    partition: str = ""

    def __str__(self) -> str:
        return f"{self.step}[{self.partition}]" if self.partition else self.step
