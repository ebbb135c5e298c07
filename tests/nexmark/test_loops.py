"""The loops that everybody is timed against give the rows of SQL, and close what they close when a stream does."""

from collections import Counter
from datetime import timedelta

import pytest
from nexmark import functions as f
from nexmark.events import Timeline, generate
from nexmark.loops import LOOPS
from nexmark.queries import QUERIES
from nexmark.questions import NAMES
from nexmark.sql import Database
from nexmark.timed import BOUND, MIDNIGHT

from rivusio_streams import Stream

BEFORE_MIDNIGHT = MIDNIGHT - 10_000_000
LINES = {
    "in order": Timeline(),
    "over midnight": Timeline(start=BEFORE_MIDNIGHT, out_of_order=BOUND),
    "sparse": Timeline(per_second=2, out_of_order=BOUND),
}


@pytest.fixture(scope="module", params=LINES)
def case(request):
    events = list(generate(3, 5_000, LINES[request.param]))
    with Database(events) as database:
        yield events, database


def test_there_is_a_loop_for_every_query():
    assert tuple(LOOPS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_loop_gives_the_rows_of_sql(name, case):
    events, database = case
    expected = Counter(database.rows(name))
    assert expected
    assert Counter(LOOPS[name](events)) == expected


@pytest.mark.parametrize("name", ["q5", "q7", "q11", "q12", "q15", "q16", "q17"])
@pytest.mark.parametrize("per_second", [2, 50])
def test_what_is_late_for_the_stream_is_late_for_the_loop(name, per_second):
    """Windows of both are closed after the same event: else one of them counted an event that the other left out."""
    line = Timeline(start=BEFORE_MIDNIGHT, per_second=per_second, out_of_order=4 * BOUND)
    events, rows = list(generate(3, 5_000, line)), []
    stream = Stream.read(events).event_time(f.at, out_of_order=timedelta(microseconds=BOUND))
    report = QUERIES[name](stream).write(rows).run()
    assert sum(step.late for step in report.steps.values())
    assert Counter(rows) == Counter(LOOPS[name](events))
