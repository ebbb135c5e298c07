"""What is compared."""

from __future__ import annotations

from dataclasses import dataclass, field

__all__ = ["WORKLOADS", "Workload"]


@dataclass(frozen=True)
class Workload:
    """What is compared, and with which loop.

    Attributes:
        title: for tables.
        items: of a full run; a smoke run has a hundredth.
        references: the loops that each variant of ours is compared with, by variant: "" is the workload itself, and its
            first loop is what peers are compared with too.
        goal: the ratio to the first loop that is wanted; for W7 there is none.
    """

    title: str
    items: int
    goal: float | None
    references: dict[str, tuple[str, ...]] = field(default_factory=lambda: {"": ("",)})


W7 = {"blocking": ("blocking",), "stream": ("",), "everything": ("",)}
"""Variants of it."""

WORKLOADS = {
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
