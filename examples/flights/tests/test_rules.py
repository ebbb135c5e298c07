"""Which rows are refused, and with what reason."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flights.models import Flight

FLOWN = dict(
    zip(
        [
            "year",
            "month",
            "day",
            "dep_time",
            "sched_dep_time",
            "dep_delay",
            "arr_time",
            "sched_arr_time",
            "arr_delay",
            "carrier",
            "flight",
            "tailnum",
            "origin",
            "dest",
            "air_time",
            "distance",
            "hour",
            "minute",
            "time_hour",
        ],
        [
            "2013",
            "1",
            "1",
            "517",
            "515",
            "2",
            "830",
            "819",
            "11",
            "UA",
            "1545",
            "N14228",
            "EWR",
            "IAH",
            "227",
            "1400",
            "5",
            "15",
            "2013-01-01T10:00:00Z",
        ],
        strict=True,
    )
)
NO_ARRIVAL = {"arr_time": "NA", "arr_delay": "NA", "air_time": "NA"}
NO_DEPARTURE = {"dep_time": "NA", "dep_delay": "NA", **NO_ARRIVAL}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "landed"),
        (NO_ARRIVAL, "diverted"),
        (NO_DEPARTURE, "cancelled"),
        (NO_DEPARTURE | {"tailnum": "NA"}, "cancelled"),  # no plane was assigned yet
        ({"dep_time": "2400", "dep_delay": "1125"}, "landed"),  # midnight, as the file writes it
        ({"tailnum": "N3EYAA"}, "landed"),  # an airline's fleet number
    ],
)
def test_good_rows(changes: dict[str, str], outcome: str) -> None:
    assert Flight.model_validate(FLOWN | changes).outcome == outcome


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"arr_delay": "NA", "air_time": "NA"}, "arrival_incomplete"),
        ({"air_time": "NA"}, "arrival_incomplete"),
        ({"arr_time": "NA"}, "arrival_incomplete"),
        ({"dep_delay": "NA"}, "departure_incomplete"),
        ({"dep_time": "NA", "dep_delay": "NA"}, "arrived_without_departure"),
        ({"dep_delay": "3"}, "delay_mismatch"),
        ({"tailnum": "NA"}, "plane_unknown"),
        ({"air_time": "139"}, "impossible_speed"),
        ({"hour": "6", "sched_dep_time": "615", "dep_time": "617"}, "schedule_mismatch"),
        ({"minute": "16"}, "schedule_mismatch"),
        ({"tailnum": "D942DN"}, "tailnum"),
        ({"dep_time": "2401"}, "dep_time"),
        ({"dep_time": "1260"}, "dep_time"),
        ({"air_time": "0"}, "air_time"),
        ({"distance": "-1"}, "distance"),
        ({"dest": "NA"}, "dest"),
        ({"month": "13"}, "month"),
        ({"flight": "UA1545"}, "flight"),
        ({"time_hour": "2013-01-01T10:00:00"}, "time_hour"),  # of no time zone
        ({"(surplus)": "x"}, "(surplus)"),
    ],
)
def test_bad_rows(changes: dict[str, str], reason: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Flight.model_validate(FLOWN | changes)
    (fault,) = caught.value.errors()
    assert (".".join(map(str, fault["loc"])) or fault["type"]) == reason


def test_a_row_that_is_too_short_names_what_is_missing() -> None:
    with pytest.raises(ValidationError) as caught:
        Flight.model_validate({name: FLOWN[name] for name in FLOWN if name not in {"minute", "time_hour"}})
    assert {fault["loc"] for fault in caught.value.errors()} == {("minute",), ("time_hour",)}


@pytest.mark.parametrize(
    ("time_hour", "day", "month"),
    [("2013-03-10T09:00:00Z", "10", "3"), ("2013-03-09T10:00:00Z", "9", "3"), ("2013-11-03T10:00:00Z", "3", "11")],
)
def test_five_in_the_morning_around_the_changes_of_the_clock(time_hour: str, day: str, month: str) -> None:
    flight = Flight.model_validate(FLOWN | {"time_hour": time_hour, "day": day, "month": month})
    assert flight.scheduled.isoformat() == time_hour.replace("00:00Z", "15:00+00:00")
