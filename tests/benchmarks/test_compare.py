"""What is compared is equal, and who gives something else gets no time."""

import json

import compare
import loops
import pytest
from contestant import Run, digest, time_run
from hypothesis import given
from hypothesis import strategies as st
from report import BEGIN, END, document
from workloads import SUITES


@given(st.lists(st.tuples(st.text(), st.integers())), st.randoms())
def test_a_digest_knows_values_but_no_order(values, chance):
    shuffled = chance.sample(values, len(values))
    assert digest(shuffled) == digest(values)
    assert digest([*shuffled, ("", 0)]) != digest(values)


def test_who_gives_something_else_than_the_loop_gets_no_time(monkeypatch):
    monkeypatch.setitem(compare.ours.RUNS, "W1", Run(lambda count: [*loops.maps(count), 1]))
    with pytest.raises(compare.Differs, match="rivusio gives something else than the loop W1"):
        compare.smoke("W1")


def test_a_run_is_timed_and_its_results_made_plain_after():
    timing = time_run(Run(lambda count: {"n": count}, lambda found: [found["n"]]), 3)
    assert timing.digest == digest([3])
    assert timing.latency is None


@pytest.mark.parametrize("count", [1, 7, 199, 2_000])
def test_hopping_windows_of_the_loop_are_those_of_every_order(count):
    """The loop shares panes; here each order is put into each of its windows."""
    size, hop, found = compare.loops.SIZE, compare.loops.HOP, {}
    for order in loops.orders(count):
        for start in range(order.at // hop * hop, order.at - size, -hop):
            found[order.user, start] = found.get((order.user, start), 0) + 1
    assert sorted(loops.hopping(count)) == sorted((user, start, total) for (user, start), total in found.items())


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name)
def test_the_page_holds_the_results_that_are_kept(suite):
    page = f"before\n{BEGIN}\nresults of last time\n{END}\nafter\n"
    new = document(page, json.loads(suite.results.read_text()))
    assert new.startswith("before\n")
    assert new.endswith("\nafter\n")
    assert "results of last time" not in new
    assert all(name in new for name in suite.workloads)
