"""The pipes of a lookup join: one that calls a function, and one that makes requests and waits."""

from __future__ import annotations

import inspect
import logging
from abc import ABC
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

from rivusio_core.clock import Clock
from rivusio_core.errors import Fatal
from rivusio_core.hints.forms import union
from rivusio_core.hints.signatures import function_types
from rivusio_core.pipe import AsyncBasePipe, BasePipe, SyncBasePipe
from rivusio_core.ports import Ports
from rivusio_core.resource import Use
from rivusio_core.run_clock import run_clock
from rivusio_core.state import state
from rivusio_streams.join import Joined
from rivusio_streams.lookups.cache import Cache
from rivusio_streams.lookups.calls import Calls
from rivusio_streams.lookups.flights import Flights, Request

__all__ = ["Function", "Lookup", "LookupAtOnce", "WaitingLookup"]

Function = Callable[[Any], Any]  # Any: `Stream.lookup` checks the types

_log = logging.getLogger("rivusio")


class Lookup(BasePipe[Any, Joined[Any, Any, Any] | None], ABC):
    """Joins each item with what is known of its key; the answers are kept by the run, and go with it.

    The end of a run logs the counts, which are `lookup_counts` of the record, too.

    Args:
        fetch: a function of a key; of a list of keys where they are asked about in batches.
        key: of an item.
        inner: gives None in place of an item of whose key nothing is known.
        ttl: seconds that an answer is kept.
        negative_ttl: seconds that it is kept that nothing is known.
        size: answers kept at most.
    """

    fetch: Function
    key: Function
    inner: bool
    ttl: float
    negative_ttl: float
    size: int
    clock: Annotated[Clock, Use(run_clock)] = state()
    cache: Cache[Any, Any] = state()

    def _begin(self) -> Cache[Any, Any]:
        """Begin with an empty cache."""
        self.cache = Cache[Any, Any](self.size, self.ttl, self.negative_ttl, self.clock)
        return self.cache

    def _tell(self) -> None:
        """Say how it went."""
        counts = self.cache.counts
        _log.info("lookup %r: %s", self.step_name, counts, extra={"lookup_counts": counts})

    def __ports__(self) -> Ports:
        takes = function_types(self.key)[0] if inspect.isfunction(self.key) else Any
        joined = Joined[Any, Any, Any]
        return Ports(takes, union([joined, None]) if self.inner else joined)

    def _default_name(self) -> str:
        fetch = self.fetch
        named = inspect.isfunction(fetch) or inspect.ismethod(fetch)  # not `get` of a dict, which would say little
        return "lookup" if not named or fetch.__name__ == "<lambda>" else fetch.__name__

    def __repr__(self) -> str:
        return f"lookup({self._default_name()})"


class LookupAtOnce(Lookup, SyncBasePipe[Any, Joined[Any, Any, Any] | None]):
    """Calls a function that answers at once: a plain step, part of the loop of its chain."""

    calls: Calls[Any, Any, Any] = state()

    def setup(self) -> None:
        """Begin with nothing known."""
        self.calls = Calls(self.key, self.fetch, self._begin(), inner=self.inner)
        vars(self)["process"] = self.calls.join  # the run's own copy calls it directly

    def process(self, item: Any) -> Joined[Any, Any, Any] | None:
        """The item with what is known of its key."""
        return self.calls.join(item)

    def teardown(self) -> None:
        """Say how it went."""
        self._tell()


class WaitingLookup(Lookup, AsyncBasePipe[Any, Joined[Any, Any, Any] | None]):
    """Makes requests, and lets several items wait for their answers.

    Args:
        batch: keys in a request at most; 0: `fetch` takes a single key.
        within: seconds that a key waits for others at most.
    """

    batch: int
    within: float
    flights: Flights[Any, Any] = state()

    async def setup(self) -> None:
        """Begin with nothing under way."""
        request = _asking_many(self.fetch) if self.batch else _asking_one(self.fetch)
        batch, crowd = max(self.batch, 1), self.options.concurrency
        self.flights = Flights(request, self._begin(), self.clock, batch=batch, within=self.within, crowd=crowd)

    async def process(self, item: Any) -> Joined[Any, Any, Any] | None:
        """The item with what is known of its key."""
        key = self.key(item)
        known = await self.flights.get(key)
        return None if self.inner and known is None else Joined(key, item, known)

    async def teardown(self) -> None:
        """Say how it went."""
        self._tell()


def _asking_one(fetch: Function) -> Request[Any, Any]:
    async def ask(keys: Sequence[Any]) -> Mapping[Any, Any]:
        [key] = keys
        answer = fetch(key)
        return {key: await answer if inspect.isawaitable(answer) else answer}

    return ask


def _asking_many(fetch: Function) -> Request[Any, Any]:
    async def ask(keys: Sequence[Any]) -> Mapping[Any, Any]:
        answers: object = fetch(keys)
        if inspect.isawaitable(answers):  # a plain function, of a caller without types, will do
            answers = await answers
        if not isinstance(answers, Mapping):
            raise Fatal(f"the function of Batched must give a mapping of keys to values, not {type(answers).__name__}")
        found: Mapping[Any, Any] = answers  # pyright: ignore[reportUnknownVariableType]  # narrowed without its arguments
        return found

    return ask
