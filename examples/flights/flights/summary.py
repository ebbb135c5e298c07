"""The totals of a run as tables for a terminal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

from flights.models import HourStats, RouteDelay
from flights.outputs import Results

__all__ = ["show"]

REPEATERS = 5
"""How many routes the second table shows."""


def show(results: Results, console: Console) -> None:
    """Print departures and delays per origin, the routes that were among the worst most often, and what was refused."""
    console.print(_origins(results.hours))
    console.print(_repeaters(results.routes))
    console.print(_refused(results.dead))


def _origins(hours: list[HourStats]) -> Table:
    table = Table(title="Flights by origin; departure delays in minutes")
    for heading in ("origin", "flights", "departed", "cancelled", "mean", "mean of the worst hour"):
        table.add_column(heading, justify="left" if heading == "origin" else "right")
    for origin in sorted({hour.origin for hour in hours}):
        table.add_row(origin, *_totals([hour for hour in hours if hour.origin == origin]))
    table.add_section()
    table.add_row("all", *_totals(hours))
    return table


def _totals(hours: list[HourStats]) -> Iterable[str]:
    scheduled = sum(hour.scheduled for hour in hours)
    departed = sum(hour.departures for hour in hours)
    cancelled = sum(hour.cancellations for hour in hours)
    delay = sum(hour.mean_delay * hour.departures for hour in hours if hour.mean_delay is not None)
    busy = [hour for hour in hours if hour.departures >= 3]  # one late flight is no bad hour
    worst = max(busy, key=lambda hour: hour.mean_delay or 0, default=None)
    yield f"{scheduled:,}"
    yield f"{departed:,}"
    yield f"{cancelled:,} ({cancelled / scheduled:.1%})" if scheduled else ""
    yield f"{delay / departed:.2f}" if departed else ""
    yield f"{worst.mean_delay:.0f}: {worst.day:%d %b}, {worst.local_hour:02}:00" if worst else ""


def _repeaters(routes: list[RouteDelay]) -> Table:
    table = Table(title="Most often among the ten worst routes; arrival delays in minutes")
    for heading in ("route", "destination", "days", "flights", "mean then"):
        table.add_column(heading, justify="left" if heading in {"route", "destination"} else "right")
    for (origin, dest), days in Counter((route.origin, route.dest) for route in routes).most_common(REPEATERS):
        bad = [route for route in routes if (route.origin, route.dest) == (origin, dest)]
        flights = sum(route.flights for route in bad)
        delay = sum(route.mean_delay * route.flights for route in bad)
        table.add_row(f"{origin}-{dest}", bad[0].dest_name or "", f"{days}", f"{flights}", f"{delay / flights:.0f}")
    return table


def _refused(dead: Counter[str]) -> Table:
    table = Table(title=f"Dead letters: {dead.total():,} rows")
    table.add_column("reason")
    table.add_column("rows", justify="right")
    for reason, rows in dead.most_common():
        table.add_row(reason, f"{rows:,}")
    return table
