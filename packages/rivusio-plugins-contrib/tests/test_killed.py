"""Flows are killed with SIGKILL at random moments: no row is lost, none is there twice. The long form is in soak/."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from kill_loop import kill_loop
from killed_places import KINDS, place_of

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="has no SIGKILL"),
    pytest.mark.timeout(120),
]


@pytest.mark.parametrize("kind", KINDS)
def test_three_kills_lose_and_repeat_nothing(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """robinhood/faust#340: counts are lost after kill -9 under "exactly once". Promise: kill -9."""
    place, ask = place_of(kind, tmp_path, request)
    outcome = kill_loop(kind, place, 6_000, 3, 1, ask)
    assert (outcome.rows, outcome.lost, outcome.duplicated, outcome.wrong) == (6_000, 0, 0, 0)
