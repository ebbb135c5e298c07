"""The ten worst routes of each day."""

from __future__ import annotations

from collections.abc import Iterator

from flights.clock import NEW_YORK
from flights.models import Arrival, EnrichedFlight, Route, RouteDelay, RouteFigures
from rivusio_streams import Stream, Tumbling, Windowed, agg

__all__ = ["LEAST_FLIGHTS", "worst_routes"]

LEAST_FLIGHTS = 3
"""Arrivals that a route needs on a day to be compared: one late flight does not make a bad route."""
WORST = 10

DAY = Tumbling("1d", offset="5h")
"""A day in New York. 05:00 UTC is midnight there in winter and one o'clock in summer, and no flight is scheduled in
the hour between, so that this is the local day for every flight."""

RouteDay = Windowed[Route, RouteFigures]


def worst_routes(flights: Stream[EnrichedFlight]) -> Stream[RouteDelay]:
    """The routes with the highest mean arrival delay of each day, worst first.

    First the figures of each route and day, then the highest of each day. Where two means are equal, the route with
    more flights ranks higher, then the one that comes later in the alphabet.
    """
    figures = agg.combine(
        RouteFigures,
        dest_name=agg.first(_dest_name),
        flights=agg.count(),
        mean_delay=agg.mean(_delay),
    )
    days = flights.flat_map(_arrival).key_by(lambda arrival: arrival.route).window(DAY).aggregate(figures)
    compared = days.filter(lambda day: day.value.flights >= LEAST_FLIGHTS)
    worst = compared.key_by(lambda day: day.window.start).window(DAY).aggregate(agg.top(WORST, _badness))
    return worst.flat_map(_ranked)


def _arrival(flight: EnrichedFlight) -> Iterator[Arrival]:
    if flight.arr_delay is not None:
        yield Arrival(Route(flight.origin, flight.dest), flight.dest_name, flight.arr_delay)


def _dest_name(arrival: Arrival) -> str | None:
    return arrival.dest_name


def _delay(arrival: Arrival) -> float:
    return arrival.delay


def _badness(day: RouteDay) -> tuple[float, int, Route]:
    return day.value.mean_delay, day.value.flights, day.key


def _ranked(day: Windowed[object, list[RouteDay]]) -> Iterator[RouteDelay]:
    date = day.window.start.astimezone(NEW_YORK).date()
    for rank, route in enumerate(day.value, start=1):
        named = {"day": date, "rank": rank, "origin": route.key.origin, "dest": route.key.dest}
        yield RouteDelay.model_validate(named | route.value.model_dump())
