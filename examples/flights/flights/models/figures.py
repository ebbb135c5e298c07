"""What is computed: the figures of an hour, and the worst routes of a day."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, NamedTuple

from pydantic import AwareDatetime, Field

from flights.models.fields import Value

__all__ = ["Arrival", "HourFigures", "HourStats", "Route", "RouteDelay", "RouteFigures"]


class HourFigures(Value):
    """What is counted for one origin in one hour of scheduled departures. Delays are departure delays, in minutes."""

    scheduled: int
    departures: int
    cancellations: int
    mean_delay: float | None
    p90_delay: float | None
    temp: float | None
    wind_speed: float | None
    precip: float | None
    visib: float | None


class HourStats(HourFigures):
    """The figures with what they are about. `hour` is UTC, `day` and `local_hour` are on New York's clock."""

    origin: str
    hour: AwareDatetime
    day: dt.date
    local_hour: int


class Route(NamedTuple):
    """From where to where."""

    origin: str
    dest: str


class Arrival(NamedTuple):
    """What one flight adds to the figures of its route. The delay is that of the arrival, in minutes."""

    route: Route
    dest_name: str | None
    delay: int


class RouteFigures(Value):
    """What is counted for one route on one day: flights that arrived, and their mean arrival delay in minutes."""

    dest_name: str | None
    flights: int
    mean_delay: float


class RouteDelay(RouteFigures):
    """One of the ten worst routes of a day in New York: rank 1 has the highest mean delay."""

    day: dt.date
    rank: Annotated[int, Field(ge=1, le=10)]
    origin: str
    dest: str
