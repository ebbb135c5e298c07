"""A hundred kills for each kind of table and protocol: takes minutes, and is run by `nox -s soak`."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from kill_loop import kill_loop
from killed_places import CONTROL, KINDS, place_of

KILLS = int(os.environ.get("KILLS", "100"))
SEED = int(os.environ.get("SEED", "0")) or random.randrange(1, 10**6)
_PER_KILL = 2_000
"""Numbers that the input has for each kill: more than are read until it comes."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]


@pytest.mark.parametrize("kind", KINDS)
def test_no_row_is_lost_and_none_is_there_twice(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest, record_property: pytest.RecordProperty
) -> None:
    place, ask = place_of(kind, tmp_path, request)
    outcome = kill_loop(kind, place, _PER_KILL * KILLS, KILLS, SEED, ask)
    print(f"\n{outcome} seed {SEED}")
    record_property("soak", f"{outcome} seed {SEED}")  # for the table at the end
    assert (outcome.lost, outcome.duplicated, outcome.wrong) == (0, 0, 0)


def test_the_control_repeats_rows(
    tmp_path: Path, request: pytest.FixtureRequest, record_property: pytest.RecordProperty
) -> None:
    """What takes part in no protocol: that the loop sees a difference."""
    place, ask = place_of(CONTROL, tmp_path, request)
    outcome = kill_loop(CONTROL, place, _PER_KILL * KILLS, KILLS, SEED, ask)
    print(f"\n{outcome} seed {SEED}")
    record_property("soak", f"{outcome} seed {SEED}")  # for the table at the end
    assert outcome.lost == outcome.wrong == 0
    assert outcome.duplicated > 0
