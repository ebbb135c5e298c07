"""The chart of a run: delays through the day, cancellations through the year."""

# pyright: reportUnknownMemberType=false
# (matplotlib leaves the type of its keyword arguments out)

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from flights.models import HourStats

__all__ = ["draw"]

COLOURS = {"EWR": "#0072b2", "JFK": "#d55e00", "LGA": "#009e73"}
"""Three colours that people who confuse red and green tell apart (Okabe and Ito)."""
FEW = 200
"""Departures in a year below which an hour of the day is not drawn: a handful of flights says nothing."""
STORMS = 3
"""How many of the days with most cancellations carry their date."""


def draw(hours: list[HourStats], *paths: Path) -> None:
    """Draw the chart into files; the ending of a name (`.png`, `.svg`) says the format."""
    figure = Figure(figsize=(11, 9), layout="constrained")
    through_day, through_year = figure.subplots(2, 1)
    _delays(through_day, hours)
    _cancellations(through_year, hours)
    figure.suptitle("Departures from New York's airports, 2013", fontsize=15, fontweight="bold")
    for path in paths:
        figure.savefig(path, dpi=120)


def _delays(axes: Axes, hours: list[HourStats]) -> None:
    for origin, colour in COLOURS.items():
        by_hour = defaultdict[int, list[HourStats]](list)
        for hour in hours:
            if hour.origin == origin and hour.departures:
                by_hour[hour.local_hour].append(hour)
        drawn = [clock for clock in sorted(by_hour) if sum(hour.departures for hour in by_hour[clock]) >= FEW]
        means = [_average([(hour.mean_delay or 0, hour.departures) for hour in by_hour[clock]]) for clock in drawn]
        p90s = [_average([(hour.p90_delay or 0, hour.departures) for hour in by_hour[clock]]) for clock in drawn]
        axes.plot(
            drawn, p90s, color=colour, linestyle="--", marker="o", markersize=3, label=f"{origin}, 90th percentile"
        )
        axes.plot(drawn, means, color=colour, linewidth=2.2, label=f"{origin}, mean")
    axes.axhline(0, color="0.6", linewidth=0.8)
    axes.set_title("Delays grow through the day", loc="left")
    axes.set_xlabel("scheduled hour of departure (local time)")
    axes.set_ylabel("departure delay (minutes)")
    axes.set_xticks(range(5, 24), [f"{clock}:00" for clock in range(5, 24)])
    axes.legend(
        ncols=3, frameon=False, loc="upper left", title="per hour, averaged over the days of the year", alignment="left"
    )
    _plain(axes)


def _average(weighted: list[tuple[float, int]]) -> float:
    return sum(value * weight for value, weight in weighted) / sum(weight for _, weight in weighted)


def _cancellations(axes: Axes, hours: list[HourStats]) -> None:
    days = sorted({hour.day for hour in hours})
    below = dict.fromkeys(days, 0)
    for origin, colour in COLOURS.items():
        count = dict.fromkeys(days, 0)
        for hour in hours:
            if hour.origin == origin:
                count[hour.day] += hour.cancellations
        heights, bottoms = list(count.values()), list(below.values())
        axes.bar(_places(days), heights, bottom=bottoms, width=1.0, color=colour, label=origin)
        below = {day: below[day] + count[day] for day in days}
    for day in sorted(days, key=lambda each: below[each], reverse=True)[:STORMS]:
        axes.annotate(
            f"{day.day} {day:%b}: {below[day]}",
            (_places([day])[0], below[day]),
            xytext=(6, -4),
            textcoords="offset points",
        )
    axes.set_title("Cancellations come in storms", loc="left")
    axes.set_ylabel("cancelled flights a day")
    months = [day for day in days if day.day == 1]
    axes.set_xticks(_places(months), [f"{month:%b}" for month in months])
    axes.set_xlim(*_places([days[0] - dt.timedelta(days=2), days[-1]]))
    axes.legend(ncols=3, frameon=False, loc="upper right")
    _plain(axes)


def _places(days: list[dt.date]) -> list[int]:
    return [day.toordinal() for day in days]


def _plain(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
