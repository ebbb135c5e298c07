"""The loops that streams are timed against give the rows of SQL."""

from collections import Counter

import pytest
from nexmark.events import Timeline, generate
from nexmark.loops import LOOPS
from nexmark.sql import Database


@pytest.mark.parametrize("name", LOOPS)
@pytest.mark.parametrize("out_of_order", [0, 5_000_000])
def test_a_loop_gives_the_rows_of_sql(name, out_of_order):
    events = list(generate(3, 5_000, Timeline(out_of_order=out_of_order)))
    with Database(events) as database:
        expected = Counter(database.rows(name))
    assert expected
    assert Counter(LOOPS[name](events)) == expected
