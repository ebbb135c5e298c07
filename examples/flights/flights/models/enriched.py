"""A flight with everything that is known about it: the row of the Parquet file."""

from __future__ import annotations

import datetime as dt

from pydantic import AwareDatetime

from flights.models.fields import Value
from flights.models.flight import Outcome

__all__ = ["EnrichedFlight"]


class EnrichedFlight(Value):
    """A flight with what is known about its plane, its airports and the weather; None where nothing is."""

    scheduled: AwareDatetime
    day: dt.date
    carrier: str
    flight: int
    origin: str
    origin_name: str | None
    dest: str
    dest_name: str | None
    dest_lat: float | None
    dest_lon: float | None
    outcome: Outcome
    dep_delay: int | None
    arr_delay: int | None
    air_time: int | None
    distance: int
    tailnum: str | None
    manufacturer: str | None
    model: str | None
    seats: int | None
    plane_year: int | None
    temp: float | None
    wind_speed: float | None
    precip: float | None
    visib: float | None
