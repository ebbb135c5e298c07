"""The nouns: a flight as validated, what it is enriched with, and the figures that are computed."""

from flights.models.enriched import EnrichedFlight
from flights.models.figures import Arrival, HourFigures, HourStats, Route, RouteDelay, RouteFigures
from flights.models.flight import Flight, Outcome
from flights.models.reference import Airport, Plane, Weather

__all__ = [
    "Airport",
    "Arrival",
    "EnrichedFlight",
    "Flight",
    "HourFigures",
    "HourStats",
    "Outcome",
    "Plane",
    "Route",
    "RouteDelay",
    "RouteFigures",
    "Weather",
]
