"""An endless source into a slow sink: what the process holds stays level. Minutes, so run by `nox -s soak`."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from memory_verdict import MIB, Bounds, judge
from memory_watch import watch

ITEMS = int(os.environ.get("ITEMS", "10_000_000"))
PLANTED = max(ITEMS // 25, 400_000)
"""Items where something is planted: enough to see it."""
BOUNDS = Bounds(rise=64 * MIB, growth=8 * MIB)
AHEAD = 16 * 1_024
"""Items on their way at most: the chunk that the source gives, and the batches between the steps."""
_FLOW = Path(__file__).with_name("endless_flow.py")

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize(
    ("kind", "count", "broken"),
    [
        ("steady", ITEMS, [()]),
        ("leak", PLANTED, [("slope",), ("peak", "slope")]),
        ("queue", PLANTED, [("peak",), ("slope",), ("peak", "slope")]),
        ("burst", PLANTED, [("peak",)]),
    ],
    ids=["steady", "planted leak", "planted queue", "planted burst"],
)
def test_memory_is_bounded_and_what_is_planted_is_found(
    kind: str,
    count: int,
    broken: list[tuple[str, ...]],
    tmp_path: Path,
    record_property: pytest.RecordProperty,
) -> None:
    """What is planted goes through the same flow and the same bounds."""
    watched = watch(_FLOW, kind, str(count), str(tmp_path), name=kind)
    outcome, verdict = watched.outcome, judge(watched.samples, BOUNDS)
    said = f"{outcome['written']:,} items in {watched.seconds:.0f} s, sink {outcome['times']:.0f} times as slow"
    record_property("soak", f"{said}, {outcome['ahead']:,} on their way at most\n{verdict}")
    assert outcome["stopped"]
    assert outcome["written"] >= count
    assert outcome["unaccounted"] == 0
    assert verdict.broken in broken
    assert (outcome["ahead"] > AHEAD) == (kind == "queue")
