"""What peers share is right: chains, meetings, and accumulators however the bids are divided among them."""

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexmark import functions as f
from nexmark.accumulators import Figures, Highest, Lot, Prices, Session, TopTen
from nexmark.chains import CHAINS, DAYS, ENDS, JOINS, STATEFUL, WINDOWS, WINNING
from nexmark.events import Timeline, generate
from nexmark.loops import LOOPS
from nexmark.meetings import MEETINGS
from nexmark.model import Bid
from nexmark.questions import NAMES
from nexmark.timed import BOUND

EVENTS = list(generate(5, 3_000, Timeline(out_of_order=BOUND)))

bids = st.lists(
    st.builds(
        Bid,
        auction=st.integers(1, 3),
        bidder=st.integers(1, 3),
        price=st.sampled_from((1, 9_999, 10_000, 999_999, 1_000_000)),
        channel=st.just(""),
        url=st.just(""),
        time=st.integers(0, 1_000),
        extra=st.just(""),
    ),
    min_size=1,
    max_size=30,
    unique_by=lambda bid: bid.time,
)


def comparable(accumulator):
    """Without the order in which a list or a heap was filled."""
    if isinstance(accumulator, TopTen):
        return accumulator.rows()
    if isinstance(accumulator, Highest):
        return sorted(map(f.bid_row, accumulator.bids))
    return accumulator


@pytest.mark.parametrize("kind", [Figures, Prices, Highest, TopTen, Session])
@given(bids, st.integers(0, 30))
def test_parts_merge_to_the_whole(kind, bids, cut):
    whole, one, other = kind(), kind(), kind()
    for number, bid in enumerate(bids):
        whole.add(bid)
        (one if number < cut else other).add(bid)
    assert comparable(one.merge(other)) == comparable(whole)


@given(bids)
def test_the_top_ten_are_the_first_of_all_in_order(bids):
    ten = TopTen()
    for bid in bids:
        ten.add(bid)
    ordered = sorted(bids, key=lambda bid: (-bid.price, bid.time))[:10]
    assert ten.rows() == [(*f.bid_row(bid), rank) for rank, bid in enumerate(ordered, 1)]


@pytest.mark.parametrize("name", CHAINS)
def test_a_chain_gives_the_rows_of_the_loop(name):
    rows = EVENTS
    for kind, function in CHAINS[name]:
        rows = [function(row) for row in rows] if kind == "map" else [row for row in rows if function(row)]
    assert rows == LOOPS[name](EVENTS)


@pytest.mark.parametrize("name", MEETINGS)
def test_a_meeting_gives_the_rows_of_the_loop(name):
    meeting, states, rows = MEETINGS[name], {}, []
    for event in filter(meeting.takes, EVENTS):
        key = meeting.key(event)
        states[key], made = meeting.step(states.get(key), event)
        rows += made
    assert rows == LOOPS[name](EVENTS)


def test_lots_give_the_rows_of_the_loop():
    lots = defaultdict(Lot)
    for event in EVENTS:
        if not f.is_person(event):
            lots[f.auction_of_either(event)].add(event)
    assert sorted(f.won(sold) for lot in lots.values() if (sold := lot.sold())) == sorted(LOOPS["q9"](EVENTS))


def test_every_query_is_in_one_group():
    assert sorted((*JOINS, *WINNING, *WINDOWS, *DAYS, *ENDS)) == sorted(STATEFUL)
    assert sorted((*STATEFUL, *CHAINS)) == sorted(NAMES)
