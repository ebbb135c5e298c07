"""What flights are enriched with: planes, airports, and the weather of an hour."""

from __future__ import annotations

from pydantic import AwareDatetime

from flights.models.fields import Code, Decimal, Value, Whole, Wind

__all__ = ["Airport", "Plane", "Weather"]


class Plane(Value):
    """A row of `planes.csv`."""

    tailnum: str
    year: Whole
    manufacturer: str
    model: str
    seats: int


class Airport(Value):
    """A row of `airports.csv`."""

    faa: str
    name: str
    lat: float
    lon: float


class Weather(Value):
    """A row of `weather.csv`: degrees Fahrenheit, miles per hour, inches, miles."""

    origin: Code
    time_hour: AwareDatetime
    temp: Decimal
    wind_speed: Wind
    precip: Decimal
    visib: Decimal
