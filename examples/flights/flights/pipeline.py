"""The whole flow: rows in departure order, validated and enriched, to hourly figures and worst routes."""

from __future__ import annotations

from pathlib import Path

from flights.enrich import enrichment
from flights.hours import hourly
from flights.models import EnrichedFlight, HourStats, RouteDelay
from flights.outputs import Outputs
from flights.routes import worst_routes
from flights.source import Departures
from rivusio_plugins_contrib.files import Parquet
from rivusio_plugins_contrib.sqlite import SqliteTable
from rivusio_streams import Flow, JsonLines, Stream

__all__ = ["make_flow"]


def make_flow(data: Path, outputs: Outputs) -> Flow:
    """The flow from the folder `data` to the files of `outputs`. The source is read once, whatever it feeds.

    Rows come in the order of their event time, hence `out_of_order="0s"`: an hour closes with the first flight of the
    next one.
    """
    flights = (
        Stream.read(Departures(data / "flights.csv.zip"))
        .through(enrichment(data))
        .event_time(lambda flight: flight.scheduled, out_of_order="0s")
    )
    hours = hourly(flights)
    routes = worst_routes(flights)
    return Flow.of(
        flights.write(Parquet(outputs.enriched, EnrichedFlight)),
        hours.write(JsonLines(outputs.hours, HourStats)),
        hours.write(SqliteTable(outputs.database, "hours", HourStats, key=("origin", "hour"))),
        routes.write(JsonLines(outputs.routes, RouteDelay)),
        routes.write(SqliteTable(outputs.database, "worst_routes", RouteDelay, key=("day", "rank"))),
    )
