"""From a row of text to a flight with its plane, its airports and its weather: pipes of one item."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from pydantic import ValidationError

from flights.data import Row, read_rows
from flights.models import Airport, EnrichedFlight, Flight, Plane, Weather
from rivusio_core import BadRecord, Pipeline, SyncBasePipe, branch, pipe, state

__all__ = ["AirportsOf", "PlaneOf", "WeatherOf", "enrichment", "join", "parse"]

Airports = tuple[Airport | None, Airport | None]
"""Where a flight starts and where it should end."""


@pipe(on_error="dead_letter")
def parse(row: Row) -> Flight:
    """The flight that a row describes; a row that makes no sense goes to the dead letters, with every reason."""
    try:
        return Flight.model_validate(row)
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        # A field's fault is named by the field, a rule's fault by the rule.
        named = (f"{'.'.join(map(str, fault['loc'])) or fault['type']}: {fault['msg']}" for fault in faults)
        raise BadRecord("; ".join(named)) from None


@pipe
def itself(flight: Flight) -> Flight:
    """The flight, to stand beside what is looked up for it."""
    return flight


class PlaneOf(SyncBasePipe[Flight, Plane | None]):
    """The plane of a flight; None where the flight has no tailnum, or one that `planes.csv` does not know."""

    data: Path
    planes: dict[str, Plane] = state()

    def setup(self) -> None:
        known = map(Plane.model_validate, read_rows(self.data / "planes.csv"))
        self.planes = {plane.tailnum: plane for plane in known}

    def process(self, item: Flight) -> Plane | None:
        return self.planes.get(item.tailnum) if item.tailnum else None


class AirportsOf(SyncBasePipe[Flight, Airports]):
    """Both airports of a flight; None for those outside the fifty states, which `airports.csv` leaves out."""

    data: Path
    airports: dict[str, Airport] = state()

    def setup(self) -> None:
        known = map(Airport.model_validate, read_rows(self.data / "airports.csv"))
        self.airports = {airport.faa: airport for airport in known}

    def process(self, item: Flight) -> Airports:
        return self.airports.get(item.origin), self.airports.get(item.dest)


class WeatherOf(SyncBasePipe[Flight, Weather | None]):
    """The weather at the origin in the hour of the scheduled departure; None where that hour was not recorded.

    Hours are matched in UTC: on New York's clock the hour after one o'clock comes twice on 3 November.
    """

    data: Path
    weather: dict[tuple[str, dt.datetime], Weather] = state()

    def setup(self) -> None:
        known = map(Weather.model_validate, read_rows(self.data / "weather.csv"))
        self.weather = {(hour.origin, hour.time_hour): hour for hour in known}

    def process(self, item: Flight) -> Weather | None:
        return self.weather.get((item.origin, item.time_hour))


@pipe
def join(found: tuple[Flight, Plane | None, Airports, Weather | None]) -> EnrichedFlight:
    """One flat record of a flight and what was found for it."""
    flight, plane, (start, end), weather = found
    return EnrichedFlight(
        scheduled=flight.scheduled,
        day=dt.date(flight.year, flight.month, flight.day),
        carrier=flight.carrier,
        flight=flight.flight,
        origin=flight.origin,
        origin_name=start.name if start else None,
        dest=flight.dest,
        dest_name=end.name if end else None,
        dest_lat=end.lat if end else None,
        dest_lon=end.lon if end else None,
        outcome=flight.outcome,
        dep_delay=flight.dep_delay,
        arr_delay=flight.arr_delay,
        air_time=flight.air_time,
        distance=flight.distance,
        tailnum=flight.tailnum,
        manufacturer=plane.manufacturer if plane else None,
        model=plane.model if plane else None,
        seats=plane.seats if plane else None,
        plane_year=plane.year if plane else None,
        temp=weather.temp if weather else None,
        wind_speed=weather.wind_speed if weather else None,
        precip=weather.precip if weather else None,
        visib=weather.visib if weather else None,
    )


def enrichment(data: Path) -> Pipeline[Row, EnrichedFlight]:
    """The whole way of one row, with the tables of the folder `data`."""
    found = branch(itself, PlaneOf(data=data), AirportsOf(data=data), WeatherOf(data=data))
    return parse >> found >> join
