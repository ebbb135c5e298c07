"""What is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """A task that every contender does in its own way.

    Attributes:
        title: for tables.
        items: of a full run; slow contenders are given fewer, and what is compared are items a second.
        goal: how much of the speed of the hand-written loop Rivusio is to reach.
    """

    title: str
    items: int
    goal: float


WORKLOADS = {
    "W1": Workload("five maps and a filter", 1_000_000, 0.9),
    "W2": Workload("JSON to pydantic to JSON", 100_000, 1.2),
    "W3": Workload("count per key in tumbling windows", 500_000, 0.9),
    "W4": Workload("20,000 waits of 1 ms, 100 at a time", 20_000, 1.2),
    "W5": Workload("sync, async, sync", 300_000, 0.75),
    "W6": Workload("running value per key", 500_000, 0.7),
    "W8": Workload("count per key in hopping windows", 500_000, 0.8),
}
