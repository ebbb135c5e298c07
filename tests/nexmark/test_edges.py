"""Events on a coarse grid of times and prices, where everything falls on an edge: bids at the very end of an auction or
of a window, at midnight, as high as others, a session's gap after the last one; and far out of order."""

from collections import Counter
from random import Random

import pytest
from nexmark.model import Auction, Bid, Person
from nexmark.ours import answer
from nexmark.questions import NAMES
from nexmark.sql import Database

SECOND = 1_000_000
BOUND = 25 * SECOND
MIDNIGHT = 1_767_312_000 * SECOND
PRICES = (9_999, 10_000, 999_999, 1_000_000, 1_101_322, 55_066_080)
URLS = ("https://a.com/x/y/z/i?q=1", "https://a.com/x/y/z/i?q=1&channel_id=7", "https://a.com/x/y/z/&channel_id=")


def coarse(seed, count=400):
    chance = Random(seed)
    time = MIDNIGHT - 600 * SECOND
    closings, people, auctions, made = set[int](), 0, 0, []
    for number in range(count):
        time += chance.choice((1, 1, 2, 5)) * SECOND
        kind = (Person, Auction)[number] if number < 2 else chance.choices((Person, Auction, Bid), (1, 2, 8))[0]
        if kind is Person:
            people += 1
            state = chance.choice(("OR", "WA"))
            made.append(Person(people, f"p{people}", "", "", "Bend", state, time, ""))
        elif kind is Auction:
            auctions += 1
            expires = time + chance.randrange(1, 60) * SECOND
            while expires in closings:
                expires += SECOND
            closings.add(expires)
            seller = chance.randint(max(1, people - 1), people)
            made.append(Auction(122 + auctions, "", "", 1, 2, time, expires, seller, chance.choice((10, 11)), ""))
        else:
            auction = chance.randint(max(1, auctions - 3), auctions)
            bidder = chance.randint(max(1, people - 2), people)
            channel = chance.choice(("Apple", "apple", "channel-1"))
            made.append(
                Bid(122 + auction, bidder, chance.choice(PRICES), channel, chance.choice(URLS), time, f"ccc{number}")
            )
    # As late as can be, and behind what came after it by just as much: the watermark stands at its very time.
    delays = {event.time: chance.choice((0, 0, BOUND, BOUND, chance.randint(0, BOUND))) for event in made}
    return sorted(made, key=lambda event: (event.time + delays[event.time], -event.time))


@pytest.mark.parametrize("seed", range(6))
def test_the_stream_gives_what_sql_gives_at_the_edges(seed):
    events = coarse(seed)
    with Database(events) as database:
        expected = {name: Counter(database.rows(name)) for name in NAMES}
    for name in NAMES:
        assert Counter(answer(name, events, BOUND)) == expected[name], name
