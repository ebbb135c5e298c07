"""The flow that is watched by `nox -s soak`, in small: a source never runs far ahead of a slow sink."""

from __future__ import annotations

from pathlib import Path

import pytest
from memory_watch import watch

_FLOW = Path(__file__).parent / "soak" / "endless_flow.py"
AHEAD = 16 * 1_024


@pytest.mark.parametrize("kind", ["steady", "queue"])
def test_back_pressure_reaches_the_source(kind: str, tmp_path: Path) -> None:
    """Counted in items, so that it does not depend on the machine; the planted queue shows that it can be seen."""
    watched = watch(_FLOW, kind, "100000", str(tmp_path))
    outcome = watched.outcome
    assert outcome["stopped"]
    assert outcome["written"] >= 100_000
    assert outcome["unaccounted"] == 0
    assert (outcome["ahead"] > AHEAD) == (kind == "queue")
    assert watched.samples
