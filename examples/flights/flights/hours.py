"""The figures per origin and hour."""

from __future__ import annotations

from flights.clock import NEW_YORK
from flights.known import Known
from flights.models import EnrichedFlight, HourFigures, HourStats
from rivusio_streams import Stream, Tumbling, Windowed, agg

__all__ = ["hourly"]


def hourly(flights: Stream[EnrichedFlight]) -> Stream[HourStats]:
    """Departures, cancellations and delays of each origin in each hour of scheduled departures.

    The weather of an hour is that of any flight in it.
    """
    hours = flights.key_by(lambda flight: flight.origin).window(Tumbling("1h"))
    return hours.aggregate(
        agg.combine(
            HourFigures,
            scheduled=agg.count(),
            departures=agg.total(_departed),
            cancellations=agg.total(_cancelled),
            mean_delay=Known(_delay, agg.mean()),
            p90_delay=Known(_delay, agg.quantile(0.9)),
            temp=agg.first(lambda flight: flight.temp),
            wind_speed=agg.first(lambda flight: flight.wind_speed),
            precip=agg.first(lambda flight: flight.precip),
            visib=agg.first(lambda flight: flight.visib),
        )
    ).map(_stats)


def _departed(flight: EnrichedFlight) -> int:
    return 0 if flight.outcome == "cancelled" else 1


def _cancelled(flight: EnrichedFlight) -> int:
    return 1 if flight.outcome == "cancelled" else 0


def _delay(flight: EnrichedFlight) -> int | None:
    return flight.dep_delay


def _stats(hour: Windowed[str, HourFigures]) -> HourStats:
    start = hour.window.start
    local = start.astimezone(NEW_YORK)
    named = {"origin": hour.key, "hour": start, "day": local.date(), "local_hour": local.hour}
    return HourStats.model_validate(named | hour.value.model_dump())
