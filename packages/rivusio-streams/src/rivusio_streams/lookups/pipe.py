"""The pipe of a lookup join."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, cast

from rivusio_core.clock import Clock
from rivusio_core.duration import seconds
from rivusio_core.errors import ConfigError, DefinitionError, Fatal, Fault
from rivusio_core.hints.signatures import function_types
from rivusio_core.nearest import did_you_mean
from rivusio_core.pipe import AsyncBasePipe, BasePipe
from rivusio_core.policy.options import OptionSettings, PipeOptions
from rivusio_core.ports import Ports
from rivusio_core.resource import Use
from rivusio_core.run_clock import run_clock
from rivusio_core.state import state
from rivusio_streams.join import Joined
from rivusio_streams.lookups.batched import Batched
from rivusio_streams.lookups.cache import Cache
from rivusio_streams.lookups.flights import Flights, Request
from rivusio_streams.lookups.settings import LookupSettings, kept_for, size_of

__all__ = ["Lookup", "is_known", "looking_up"]

_Function = Callable[[Any], Any]  # Any: `Stream.lookup` checks the types

_log = logging.getLogger("rivusio")
_CONCURRENCY = 16
_OWN = ("ttl", "negative_ttl", "size")
"""Settings that are no options of pipes."""


class Lookup(AsyncBasePipe[Any, Joined[Any, Any, Any]]):
    """Joins each item with what is known of its key; the answers are kept by the run, and go with it.

    The end of a run logs the counts, which are `lookup_counts` of the record, too.

    Args:
        fetch: a function of a key; of a list of keys where they are asked about in batches.
        key: of an item.
        ttl: seconds that an answer is kept.
        negative_ttl: seconds that it is kept that nothing is known.
        size: answers kept at most.
        batch: keys in a request at most; 0: `fetch` takes a single key.
        within: seconds that a key waits for others at most.
    """

    fetch: _Function
    key: _Function
    ttl: float
    negative_ttl: float
    size: int
    batch: int
    within: float
    clock: Annotated[Clock, Use(run_clock)] = state()
    flights: Flights[Any, Any] = state()

    async def setup(self) -> None:
        """Begin with an empty cache."""
        cache = Cache[Any, Any](self.size, self.ttl, self.negative_ttl, self.clock)
        request = _asking_many(self.fetch) if self.batch else _asking_one(self.fetch)
        crowd = self.options.concurrency
        self.flights = Flights(request, cache, self.clock, batch=max(self.batch, 1), within=self.within, crowd=crowd)

    async def process(self, item: Any) -> Joined[Any, Any, Any]:
        """The item with what is known of its key."""
        key = self.key(item)
        return Joined(key, item, await self.flights.get(key))

    async def teardown(self) -> None:
        """Say how it went."""
        counts = self.flights.counts
        _log.info("lookup %r: %s", self.step_name, counts, extra={"lookup_counts": counts})

    def __ports__(self) -> Ports:
        takes = function_types(self.key)[0] if inspect.isfunction(self.key) else Any
        return Ports(takes, Joined[Any, Any, Any])

    def _default_name(self) -> str:
        fetch = self.fetch
        named = inspect.isfunction(fetch) or inspect.ismethod(fetch)  # not `get` of a dict, which would say little
        return "lookup" if not named or fetch.__name__ == "<lambda>" else fetch.__name__

    def __repr__(self) -> str:
        return f"lookup({self._default_name()})"


def looking_up(fetch: _Function | Batched[Any, Any], key: _Function, how: str, settings: LookupSettings) -> Lookup:
    """The pipe of a lookup join; `how` is only checked here.

    Raises:
        DefinitionError: `fetch` or `key` is no function.
        ConfigError: listing every setting that is wrong.
    """
    function, batch, within, concurrency = _asked(fetch)
    _check(function, "fetch must be a function of a key, or Batched")
    _check(key, "key must be a function of an item")
    faults = list[Fault]()
    if how not in ("inner", "left"):
        faults.append(Fault(f"must be 'inner' or 'left', not {how!r}", "how"))
    ttl = kept_for(settings.get("ttl", "5m"), "ttl", faults)
    negative_ttl = kept_for(settings.get("negative_ttl", "30s"), "negative_ttl", faults)
    size = size_of(settings.get("size", 10_000), faults)
    options = _options(settings, concurrency, faults)
    if faults:
        raise ConfigError("lookup", faults=faults)
    pipe = Lookup(
        fetch=function,
        key=key,
        ttl=ttl,
        negative_ttl=negative_ttl,
        size=size,
        batch=batch,
        within=within,
    )
    return pipe.with_options(**options)


def is_known(joined: Joined[Any, Any, Any]) -> bool:
    """Whether there is something on the right."""
    return joined.right is not None


def _asked(fetch: _Function | Batched[Any, Any]) -> tuple[_Function, int, float, int]:
    """Function, keys in a request (0: it takes a single one), seconds that they wait, items in work by default."""
    if isinstance(fetch, Batched):
        many: Batched[Any, Any] = fetch  # pyright: ignore[reportUnknownVariableType]  # narrowed without its arguments
        return many.fetch_many, many.size, seconds(many.within, "within"), 2 * many.size
    return fetch, 0, 0.0, _CONCURRENCY


def _check(function: object, what: str) -> None:
    if isinstance(function, BasePipe):
        raise DefinitionError(f"lookup: {what}, not a pipe")
    if not callable(function):
        raise DefinitionError(f"lookup: {what}, not {type(function).__name__}")


def _options(settings: LookupSettings, concurrency: int, faults: list[Fault]) -> OptionSettings:
    known = tuple(LookupSettings.__annotations__)
    faults += [Fault(f"no such setting{did_you_mean(name, known)}", name) for name in settings if name not in known]
    options: dict[str, object] = {name: value for name, value in settings.items() if name in known and name not in _OWN}
    options.setdefault("concurrency", concurrency)
    try:
        PipeOptions().changed(options)
    except ConfigError as error:
        faults += error.faults
    return cast("OptionSettings", options)


def _asking_one(fetch: _Function) -> Request[Any, Any]:
    async def ask(keys: Sequence[Any]) -> Mapping[Any, Any]:
        [key] = keys
        answer = fetch(key)
        return {key: await answer if inspect.isawaitable(answer) else answer}

    return ask


def _asking_many(fetch: _Function) -> Request[Any, Any]:
    async def ask(keys: Sequence[Any]) -> Mapping[Any, Any]:
        answers: object = fetch(keys)
        if inspect.isawaitable(answers):  # a plain function, of a caller without types, will do
            answers = await answers
        if not isinstance(answers, Mapping):
            raise Fatal(f"the function of Batched must give a mapping of keys to values, not {type(answers).__name__}")
        found: Mapping[Any, Any] = answers  # pyright: ignore[reportUnknownVariableType]  # narrowed without its arguments
        return found

    return ask
