"""Every query gives the rows that SQL gives."""

from collections import Counter

import pytest
from nexmark.events import Timeline, generate
from nexmark.ours import answer
from nexmark.queries import QUERIES
from nexmark.questions import NAMES
from nexmark.sql import Database

COUNT = 20_000
MIDNIGHT = 1_767_312_000_000_000
CASES = {
    "over midnight": (1, Timeline(start=MIDNIGHT - 180_000_000, out_of_order=5_000_000)),
    "sparse": (2, Timeline(per_second=2, out_of_order=60_000_000)),
}


@pytest.fixture(scope="module", params=CASES)
def case(request):
    seed, line = CASES[request.param]
    events = list(generate(seed, COUNT, line))
    with Database(events) as database:
        yield events, line.out_of_order, database


def test_there_is_a_stream_for_every_query():
    assert tuple(QUERIES) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_the_stream_gives_what_sql_gives(name, case):
    events, out_of_order, database = case
    expected = Counter(database.rows(name))
    assert expected
    assert Counter(answer(name, events, out_of_order)) == expected
