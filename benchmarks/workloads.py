"""What is compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from nexmark.questions import NAMES, asked

__all__ = ["NEXMARK", "OWN", "SUITES", "WORKLOADS", "Suite", "Workload"]


@dataclass(frozen=True)
class Workload:
    """What is compared, and with which loop.

    Attributes:
        title: for tables.
        items: of a full run; a smoke run has a hundredth.
        references: the loops that each variant of ours is compared with, by variant: "" is the workload itself, and its
            first loop is what peers are compared with too.
        goal: the ratio to the first loop that is wanted, where there is one.
        peer_seconds: a peer gets as many items as it does in this time, and no more than the loop has.
    """

    title: str
    items: int
    goal: float | None = None
    references: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"": ("",)})
    peer_seconds: float = 1.5


@dataclass(frozen=True)
class Suite:
    """Workloads whose results stand together.

    Attributes:
        name: of the file of results, of the page of the documentation and of the plot on it.
    """

    name: str
    workloads: Mapping[str, Workload]

    @property
    def results(self) -> Path:
        """What a full run writes."""
        return HERE / "results" / f"{self.name}.json"

    @property
    def page(self) -> Path:
        """With marks between which the tables stand."""
        return HERE.parent / "docs" / f"{self.name}.md"


HERE: Final = Path(__file__).parent

W7: Final = {"blocking": ("blocking",), "stream": ("",), "everything": ("",)}
"""Variants of it."""

OWN: Final = {
    "W1": Workload("five maps and a filter", 1_000_000, 0.9),
    "W2": Workload("JSON to pydantic to JSON", 100_000, 1.2, {"": ("", "one call")}),
    "W3": Workload("keyed tumbling windows", 500_000, 0.9, {"": ("",), "checkpointed": ("",), "late": ("late",)}),
    "W4": Workload("20 k waits, 100 at a time", 20_000, 1.2, {"": ("", "workers")}),
    "W5": Workload("sync, async, sync", 300_000, 0.75, {"": ("",), "stream": ("",)}),
    "W6": Workload("running value per key", 500_000, 0.7),
    "W7": Workload("latency over three pipes", 10_000, None, {"": ("", "blocking"), **W7}),
    "W8": Workload("keyed hopping windows", 500_000, 0.8),
    "J1": Workload("window join", 400_000, 0.5),
    "J2": Workload("interval join", 400_000, 0.5),
    "J3": Workload("as-of join", 400_000, 0.5),
}

NEXMARK: Final = {name: Workload(asked(name).partition(":")[0].lower(), 100_000, peer_seconds=0.7) for name in NAMES}

SUITES: Final = (Suite("benchmarks", OWN), Suite("nexmark", NEXMARK))

WORKLOADS: Final[Mapping[str, Workload]] = OWN | NEXMARK
