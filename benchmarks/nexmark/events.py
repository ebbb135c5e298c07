"""Events of the Nexmark model, made up from a seed: the same seed gives the same events, always.

Of 50 events in a row 1 is a person, 3 are auctions and 46 are bids, as in the published generator. Its other figures
are kept too: half of the bids go to a hot auction, three quarters come from a hot bidder, three quarters of the
auctions are a hot seller's, 1,000 people are active, some 100 auctions are open at a time.

Where this generator differs, it does so to be checked against SQL:

* An event names only people and auctions that were there before it. (The published one also names some of the next
  few. That a bid comes before its auction is here up to the order of arrival.)
* No two events have the same time, and no two auctions close at the same time, so that "the last bid" and "the last
  ten auctions" are never in doubt.
* A second of event time holds 50 events, not 10,000: a million of them last five and a half hours, from 18:50 to 00:23,
  and so make many windows of every size, for the day, the hour and the time of day as well.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from nexmark.model import Auction, Bid, Event, Person

__all__ = ["START", "Timeline", "generate"]

START: Final = 1_767_293_400_000_000
"""2026-01-01T18:50:00Z, the time of the first event."""

SECOND: Final = 1_000_000
EPOCH: Final = 50
"""So many events, one person first, then three auctions, then bids."""

FIRST_ID: Final = 1_000
"""Of people and of auctions."""

ACTIVE_PEOPLE: Final = 1_000
OPEN_AUCTIONS: Final = 100
BATCH: Final = 100
"""One in so many people and auctions is hot while it is the latest of them."""

STATES: Final = ("AZ", "CA", "ID", "OR", "WA", "WY")
CITIES: Final = (
    *("Phoenix", "Los Angeles", "San Francisco", "Boise", "Portland"),
    *("Bend", "Redmond", "Seattle", "Kent", "Cheyenne"),
)
FIRST_NAMES: Final = ("Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter")
LAST_NAMES: Final = ("Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris")
HOT_CHANNELS: Final = ("Google", "Facebook", "Baidu", "Apple")
CHANNELS: Final = 10_000


@dataclass(frozen=True)
class Timeline:
    """When events happen, and in which order they arrive.

    Args:
        start: the time of the first, in microseconds since the epoch.
        per_second: how many happen in a second of event time, evenly spread; 1 to 1,000,000.
        out_of_order: an event arrives at most so many microseconds of event time after a later one. 0: in order.

    Raises:
        ValueError: `per_second` or `out_of_order` is outside of its bounds.
    """

    start: int = START
    per_second: int = 50
    out_of_order: int = 0

    def __post_init__(self) -> None:
        if not 1 <= self.per_second <= SECOND:
            raise ValueError(f"per_second: 1 to 1,000,000, not {self.per_second}; else two events had the same time")
        if self.out_of_order < 0:
            raise ValueError(f"out_of_order: must not be negative, not {self.out_of_order}")

    def time(self, index: int) -> int:
        """Of the event with this number, from 0 on."""
        return self.start + index * SECOND // self.per_second


def generate(seed: int, count: int, timeline: Timeline | None = None) -> Iterator[Event]:
    """The first `count` events, in the order of their arrival."""
    lie = timeline or Timeline()
    events = _Maker(random.Random(seed), lie).events(count)
    # A stream of chance of its own: the same seed gives the same events, in whatever order.
    return _shuffled(events, lie.out_of_order, random.Random(-seed - 1)) if lie.out_of_order else events


def _shuffled(events: Iterator[Event], bound: int, chance: random.Random) -> Iterator[Event]:
    """Each event some time later, up to the bound: it is overtaken only by those less than the bound after it."""
    waiting = list[tuple[int, int, Event]]()
    for number, event in enumerate(events):
        while waiting and waiting[0][0] < event.time:
            yield heappop(waiting)[2]
        # Of two that arrive at once the later event comes first, so that the bound is reached.
        heappush(waiting, (event.time + int(chance.random() * (bound + 1)), -number, event))
    while waiting:
        yield heappop(waiting)[2]


@dataclass
class _Maker:
    """Makes events in the order of time."""

    chance: random.Random
    timeline: Timeline
    people: int = 0
    auctions: int = 0
    text: str = field(init=False)
    channels: list[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        pick = self.chance.choices
        self.text = "".join(pick("abcdefghijklmnopqrstuvwxyz  ", k=65_536))
        hot = [(channel, self._url()) for channel in HOT_CHANNELS]
        # Every one of these has a url of its own; one in ten does not say its id.
        cold = [(f"channel-{number}", self._url() + self._channel_id(number)) for number in range(CHANNELS)]
        self.channels = hot * (CHANNELS // len(hot)) + cold

    def events(self, count: int) -> Iterator[Event]:
        for index in range(count):
            place = index % EPOCH
            time = self.timeline.time(index)
            if place > 3:
                yield self._bid(time)
            elif place:
                yield self._auction(time)
            else:
                yield self._person(time)

    def _person(self, time: int) -> Person:
        pick, below = self.chance.choice, self.chance.randrange
        number, self.people = self.people, self.people + 1
        return Person(
            FIRST_ID + number,
            f"{pick(FIRST_NAMES)} {pick(LAST_NAMES)}",
            f"{self._word(7)}@{self._word(5)}.com",
            " ".join(f"{below(10_000):04d}" for _ in range(4)),
            pick(CITIES),
            pick(STATES),
            time,
            self._text(100),
        )

    def _auction(self, time: int) -> Auction:
        below = self.chance.randrange
        number, self.auctions = self.auctions, self.auctions + 1
        seller = (self.people - 1) // BATCH * BATCH if below(4) else self._anybody()
        initial_bid = self._price()
        # As long as it takes for the number of open auctions to be put up, on average.
        horizon = OPEN_AUCTIONS * EPOCH // 3 * SECOND // self.timeline.per_second
        return Auction(
            FIRST_ID + number,
            self._text(20),
            self._text(100),
            initial_bid,
            initial_bid + self._price(),
            time,
            # Each has a microsecond of its own, so that no two close at once: of 1,000 the first has closed long since.
            (time + below(2 * horizon)) // 1_000 * 1_000 + 1_000 + number % 1_000,
            FIRST_ID + seller,
            10 + below(5),
            self._text(200),
        )

    def _bid(self, time: int) -> Bid:
        # Most events are bids: no call here that can be spared.
        some = self.chance.random
        last = self.auctions - 1
        auction = last // BATCH * BATCH if some() < 0.5 else last - int(some() * min(last + 1, OPEN_AUCTIONS))
        hot = min((self.people - 1) // BATCH * BATCH + 1, self.people - 1)  # the second of the batch: no hot seller
        bidder = hot if some() < 0.75 else self._anybody()
        channel, url = self.channels[int(some() * len(self.channels))]
        begin, length = int(some() * 65_000), int(some() * 100)
        return Bid(
            FIRST_ID + auction,
            FIRST_ID + bidder,
            int(10.0 ** (some() * 6.0) * 100.0),
            channel,
            url,
            time,
            self.text[begin : begin + length],
        )

    def _anybody(self) -> int:
        """One of the active people."""
        return self.people - 1 - int(self.chance.random() * min(self.people, ACTIVE_PEOPLE))

    def _price(self) -> int:
        """In cents, from 1 to a million dollars; every order of magnitude as often as any other."""
        return int(10.0 ** (self.chance.random() * 6.0) * 100.0)

    def _text(self, longest: int) -> str:
        """Up to so many letters and blanks; may be empty."""
        begin = self.chance.randrange(65_000)
        return self.text[begin : begin + self.chance.randrange(longest + 1)]

    def _word(self, length: int) -> str:
        return "".join(self.chance.choices("abcdefghijklmnopqrstuvwxyz", k=length))

    def _url(self) -> str:
        letters = self._word(15)
        return f"https://www.nexmark.com/{letters[:5]}/{letters[5:10]}/{letters[10:]}/item.htm?query=1"

    def _channel_id(self, number: int) -> str:
        return f"&channel_id={number * 7_919 % 1_000_003}" if self.chance.randrange(10) else ""
