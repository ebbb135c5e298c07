"""The measurement of several processes runs, and its results are equal; no time is judged."""

from __future__ import annotations

import parallel


def test_results_are_equal_and_everything_is_measured() -> None:
    found = parallel.measured(rounds=1, items=400)
    assert set(found["speed-up"]) == {"pipes", "windows"}
    assert set(found["transfer"]) == set(parallel.KINDS)
