"""Every workload that can be profiled is, with a row for each of its steps."""

from __future__ import annotations

import profiles
import pytest


@pytest.mark.parametrize("name", profiles.STREAMS)
def test_every_step_has_a_row(name: str) -> None:
    profile = profiles.profile_of(name, 1_000)
    assert len(profile.steps) > 2
    assert profile.steps[0].items == 1_000
