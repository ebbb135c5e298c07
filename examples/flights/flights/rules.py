"""What a flight must obey across its fields. Each rule raises an error whose type is the reason of the dead letter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic_core import PydanticCustomError

from flights.clock import NEW_YORK, minutes

if TYPE_CHECKING:
    from flights.models import Flight

__all__ = ["RULES", "TOP_SPEED"]

TOP_SPEED = 600
"""Miles per hour over ground, averaged from take-off to touch-down, that no airliner of 2013 reaches here."""

DAY = 24 * 60


def schedule_agrees(flight: Flight) -> None:
    """`time_hour` (UTC) and the local columns name the same hour, daylight saving included."""
    local = flight.time_hour.astimezone(NEW_YORK)
    columns = (flight.year, flight.month, flight.day, flight.hour)
    if (
        (local.year, local.month, local.day, local.hour) != columns
        or flight.time_hour.minute
        or flight.time_hour.second
    ):
        raise PydanticCustomError("schedule_mismatch", "time_hour is not the hour that year, month, day and hour name")
    if flight.sched_dep_time != 100 * flight.hour + flight.minute:
        raise PydanticCustomError("schedule_mismatch", "sched_dep_time is not hour and minute")


def departure_is_whole(flight: Flight) -> None:
    """A departure has a time, a delay that fits it, and a plane; a cancelled flight has none of the arrival figures."""
    if (flight.dep_time is None) != (flight.dep_delay is None):
        raise PydanticCustomError("departure_incomplete", "one of dep_time and dep_delay is there, the other is not")
    if flight.dep_time is None or flight.dep_delay is None:
        if (flight.arr_time, flight.arr_delay, flight.air_time) != (None, None, None):
            raise PydanticCustomError("arrived_without_departure", "there are arrival figures but no departure")
        return
    if (minutes(flight.dep_time) - minutes(flight.sched_dep_time) - flight.dep_delay) % DAY:
        raise PydanticCustomError("delay_mismatch", "dep_time is not sched_dep_time plus dep_delay")
    if flight.tailnum is None:
        raise PydanticCustomError("plane_unknown", "the flight departed but has no tailnum")


def arrival_is_whole(flight: Flight) -> None:
    """An arrival has a time, a delay and a duration; a flight that never reached its destination has none of them."""
    figures = (flight.arr_time, flight.arr_delay, flight.air_time)
    if None in figures and figures != (None, None, None):
        raise PydanticCustomError(
            "arrival_incomplete", "one of arr_time, arr_delay and air_time is there, another is not"
        )


def speed_is_possible(flight: Flight) -> None:
    """Distance over time in the air stays below what airliners do."""
    if flight.air_time is not None and 60 * flight.distance > TOP_SPEED * flight.air_time:
        raise PydanticCustomError(
            "impossible_speed", "distance and air_time give more than {top} mph", {"top": TOP_SPEED}
        )


RULES = (schedule_agrees, departure_is_whole, arrival_is_whole, speed_is_possible)
