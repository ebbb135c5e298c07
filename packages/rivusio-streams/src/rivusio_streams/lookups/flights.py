"""The requests of a lookup join: one at a time for each key, several keys in one where that is wanted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Generic, TypeAlias, TypeVar

from rivusio_core.clock import Clock
from rivusio_streams.lookups.cache import Cache
from rivusio_streams.lookups.flight import Flight

__all__ = ["Flights", "Request"]

K = TypeVar("K")
V = TypeVar("V")

Request: TypeAlias = Callable[[Sequence[K]], Awaitable[Mapping[K, V | None]]]


class Flights(Generic[K, V]):
    """Answers questions about keys, from the cache or by requests.

    Whoever asks about a key that is being asked about waits for that request, and sees it fail if it does. Who is
    cancelled while waiting only leaves the others: the request goes on, or is begun anew by one of them where it was
    the cancelled one that made it. When nobody waits for it any more it is cancelled.

    Args:
        request: asks about some different keys; a key that its answer lacks is one of which nothing is known.
        cache: keeps the answers.
        clock: times how long keys wait for others.
        batch: keys in a request at most.
        within: seconds that a key waits for others at most.
        crowd: how many may wait at once: then a request leaves, since no further key can come along.
    """

    def __init__(
        self,
        request: Request[K, V],
        cache: Cache[K, V],
        clock: Clock,
        *,
        batch: int = 1,
        within: float = 0.0,
        crowd: int = 1,
    ) -> None:
        self._request, self._cache, self._clock = request, cache, clock
        self._batch, self._within, self._crowd = batch, within, crowd
        self._by_key: dict[K, Flight[K, V]] = {}
        self._gathering: Flight[K, V] | None = None
        self._waiting = 0  # for requests that are not over
        self.counts = cache.counts

    async def get(self, key: K) -> V | None:
        """What is known of a key; None: nothing.

        Raises:
            PipeError: the key is not hashable.
            Exception: the request failed.
        """
        kept = self._cache.get(key)
        if kept is not None:
            return kept.value
        flight = self._boarded(key)
        try:
            while not flight.landed:
                if flight.led:
                    await flight.change()
                else:
                    await self._lead(flight)
        finally:
            if not flight.landed:
                self._waiting -= 1
            if flight.leave(key):
                self._forget(key, flight)
        return flight.answer(key)

    def _boarded(self, key: K) -> Flight[K, V]:
        """The request that the key is part of, maybe a new one."""
        flight = self._by_key.get(key) or self._gathering
        if flight is None:
            flight = self._gathering = Flight[K, V](self._clock.monotonic() + self._within)
        self._by_key[key] = flight
        flight.enter(key)
        self._waiting += 1
        gathering = self._gathering
        if gathering is not None and (len(gathering.waiting) >= self._batch or self._waiting >= self._crowd):
            self._close(gathering)
        return flight

    def _close(self, flight: Flight[K, V]) -> None:
        """No further key may come along."""
        if self._gathering is flight:
            self._gathering = None
        flight.full.set()

    def _forget(self, key: K, flight: Flight[K, V]) -> None:
        """Nobody waits for the key: the next one who asks about it begins anew."""
        if not flight.landed:
            del self._by_key[key]
        if not flight.waiting:
            self._close(flight)

    async def _lead(self, flight: Flight[K, V]) -> None:
        """Make the request, for all who wait."""
        flight.led = True
        try:
            left = flight.due - self._clock.monotonic()
            if left > 0 and not flight.full.is_set():
                with self._clock.deadline(left):
                    await flight.full.wait()
            self._close(flight)
            keys = list(flight.waiting)
            self.counts.flights += 1
            answers = await self._request(keys)
            found = {key: answers.get(key) for key in keys}
        except Exception as error:  # noqa: BLE001  # user code may raise anything; each who waits is told
            self._end(flight)
            flight.fail(error)
        else:
            for key in self._end(flight):
                self._cache.put(key, found[key])
            flight.land(found)
        finally:
            flight.step_down()

    def _end(self, flight: Flight[K, V]) -> list[K]:
        """Who asks from now on does not join; gives the keys for which somebody waits."""
        self._waiting -= sum(flight.waiting.values())
        for key in flight.waiting:
            del self._by_key[key]
        return list(flight.waiting)
