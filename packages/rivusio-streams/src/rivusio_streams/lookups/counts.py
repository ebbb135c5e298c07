"""How a lookup join did."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["LookupCounts"]


@dataclass(slots=True)
class LookupCounts:
    """What became of the questions of one run.

    Attributes:
        hits: answered by something known that was kept.
        negative_hits: answered by having kept that nothing is known.
        misses: had to wait for a request, their own or one that was under way.
        flights: requests made; one that was begun anew, because the item that made it was cancelled, counts twice.
    """

    hits: int = 0
    negative_hits: int = 0
    misses: int = 0
    flights: int = 0

    def __str__(self) -> str:
        return (
            f"{self.hits} hits, {self.negative_hits} negative hits, {self.misses} misses, {self.flights} requests made"
        )
