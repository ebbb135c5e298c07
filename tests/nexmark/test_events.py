"""The generator: what the queries and their SQL rely on."""

import doctest
from collections import Counter
from itertools import islice, pairwise

import pytest
from nexmark import sql
from nexmark.events import EPOCH, FIRST_ID, START, Timeline, generate
from nexmark.model import Auction, Bid, Person
from nexmark.questions import NAMES, asked
from nexmark.sql import Database

SEEDS = (1, 2)
COUNT = 20_000
BOUND = 5_000_000
MIDNIGHT = 1_767_312_000_000_000

LINES = (
    # The first goes over a midnight, the second through all times of day.
    Timeline(start=MIDNIGHT - 180_000_000, out_of_order=BOUND),
    Timeline(per_second=2, out_of_order=60_000_000),
)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_seed_gives_the_same_events_always(seed):
    line = Timeline(out_of_order=BOUND)
    assert list(generate(seed, 2_000, line)) == list(generate(seed, 2_000, line))
    assert list(generate(seed, 2_000)) != list(generate(seed + 1, 2_000))


def test_more_events_begin_with_the_same_ones():
    assert list(islice(generate(1, 5_000), 1_000)) == list(generate(1, 1_000))


@pytest.mark.parametrize("seed", SEEDS)
def test_proportions_are_the_published_ones(seed):
    kinds = Counter(type(event) for event in generate(seed, EPOCH * 400))
    assert kinds == {Person: 400, Auction: 1_200, Bid: 46 * 400}


@pytest.mark.parametrize("count", [0, 1, 2, 49, 51])
def test_there_are_as_many_events_as_asked_for(count):
    assert len(list(generate(1, count, Timeline(out_of_order=BOUND)))) == count


@pytest.mark.parametrize("line", [Timeline(), Timeline(start=-7, per_second=1_000_000), Timeline(per_second=3)])
def test_times_rise_without_two_being_the_same(line):
    times = [event.time for event in generate(1, 5_000, line)]
    assert times[0] == line.start
    assert all(one < other for one, other in pairwise(times))
    assert abs((times[-1] - times[0]) - 4_999 * 1_000_000 / line.per_second) <= 1


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("bound", [3, 110_000, BOUND])
def test_disorder_is_bounded_and_there_is_some(seed, bound):
    line = Timeline(per_second=1_000_000 if bound == 3 else 50, out_of_order=bound)
    arrived = list(generate(seed, COUNT, line))
    latest, most = arrived[0].time, 0
    for event in arrived:
        latest = max(latest, event.time)
        most = max(most, latest - event.time)
    assert 0.9 * bound < most <= bound
    assert sorted(arrived, key=lambda event: event.time) == list(
        generate(seed, COUNT, Timeline(per_second=line.per_second))
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_an_event_names_only_what_was_there_before_it(seed):
    people, auctions = set[int](), set[int]()
    for event in generate(seed, COUNT):
        match event:
            case Person():
                assert event.id == FIRST_ID + len(people)
                people.add(event.id)
            case Auction():
                assert event.id == FIRST_ID + len(auctions)
                assert event.seller in people
                assert event.time < event.expires
                assert event.reserve > event.initial_bid >= 100
                assert 10 <= event.category <= 14
                auctions.add(event.id)
            case Bid():
                assert event.auction in auctions
                assert event.bidder in people
                assert 100 <= event.price < 100_000_000


@pytest.mark.parametrize("seed", SEEDS)
def test_some_are_hot(seed):
    events = list(generate(seed, COUNT))
    bids = [event for event in events if isinstance(event, Bid)]
    hot_auctions = sum((bid.auction - FIRST_ID) % 100 == 0 for bid in bids) / len(bids)
    hot_bidders = sum((bid.bidder - FIRST_ID) % 100 == 1 for bid in bids) / len(bids)
    sellers = [event.seller for event in events if isinstance(event, Auction)]
    assert hot_auctions == pytest.approx(0.505, abs=0.02)
    assert hot_bidders == pytest.approx(0.755, abs=0.02)
    assert sum((seller - FIRST_ID) % 100 == 0 for seller in sellers) / len(sellers) == pytest.approx(0.755, abs=0.05)


@pytest.mark.parametrize("seed", SEEDS)
def test_bids_come_before_and_after_the_end_of_their_auction(seed):
    events = list(generate(seed, COUNT))
    expires = {event.id: event.expires for event in events if isinstance(event, Auction)}
    in_time = Counter(bid.time <= expires[bid.auction] for bid in events if isinstance(bid, Bid))
    assert min(in_time[True], in_time[False]) > COUNT // 20


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"per_second": 0}, "per_second"), ({"per_second": 1_000_001}, "per_second"), ({"out_of_order": -1}, "out_of")],
)
def test_a_wrong_timeline_is_refused(wrong, named):
    with pytest.raises(ValueError, match=named):
        Timeline(**wrong)


def test_the_first_event_is_where_the_documentation_says():
    assert next(generate(1, 1)).time == START == MIDNIGHT - (5 * 60 + 10) * 60 * 1_000_000


@pytest.mark.parametrize("seed", SEEDS)
def test_the_tables_hold_the_events(seed):
    events = list(generate(seed, COUNT))
    with Database(events) as database:
        found = Counter(database.rows("q0"))
    bids = [event for event in events if isinstance(event, Bid)]
    assert any(not bid.extra for bid in bids)
    assert found == Counter((bid.auction, bid.bidder, bid.price, bid.time, bid.extra) for bid in bids)


@pytest.mark.parametrize(("seed", "line"), list(zip(SEEDS, LINES, strict=True)))
def test_every_query_has_an_answer(seed, line):
    with Database(generate(seed, COUNT, line)) as database:
        sizes = {name: len(database.rows(name)) for name in NAMES}
    assert all(sizes.values()), sizes
    assert all(asked(name) for name in NAMES)


def test_the_order_of_arrival_does_not_change_an_answer():
    with Database(generate(1, 5_000)) as in_order, Database(generate(1, 5_000, Timeline(out_of_order=BOUND))) as mixed:
        for name in NAMES:
            assert Counter(in_order.rows(name)) == Counter(mixed.rows(name)), name


def test_the_example_of_the_documentation_runs():
    assert doctest.testmod(sql) == (0, 2)
