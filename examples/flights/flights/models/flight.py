"""A flight as the file has it, validated field by field and as a whole."""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal, Self

from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from flights.models.fields import Absent, Clock, Code, Positive, Tail, Value, Whole
from flights.rules import RULES

__all__ = ["Flight", "Outcome"]

Outcome = Literal["cancelled", "diverted", "landed"]
"""Never departed; departed and never reached the destination; departed and arrived."""


class Flight(Value):
    """A row of `flights.csv` that makes sense. Clock readings are local time where they were taken, delays minutes."""

    model_config = ConfigDict(extra="forbid")

    year: Annotated[int, Field(ge=1987, le=2100)]
    month: Annotated[int, Field(ge=1, le=12)]
    day: Annotated[int, Field(ge=1, le=31)]
    dep_time: Annotated[Clock | None, Absent]
    sched_dep_time: Clock
    dep_delay: Whole
    arr_time: Annotated[Clock | None, Absent]
    sched_arr_time: Clock
    arr_delay: Whole
    carrier: Annotated[str, Field(pattern=r"^[A-Z0-9]{2}$")]
    flight: Positive
    tailnum: Annotated[Tail | None, Absent]
    origin: Code
    dest: Code
    air_time: Annotated[Positive | None, Absent]
    distance: Positive
    hour: Annotated[int, Field(ge=0, le=23)]
    minute: Annotated[int, Field(ge=0, le=59)]
    time_hour: AwareDatetime

    @model_validator(mode="after")
    def _obey_rules(self) -> Self:
        for rule in RULES:
            rule(self)
        return self

    @property
    def scheduled(self) -> dt.datetime:
        """The scheduled departure, in UTC: the event time."""
        return self.time_hour + dt.timedelta(minutes=self.minute)

    @property
    def outcome(self) -> Outcome:
        """What became of the flight."""
        if self.dep_time is None:
            return "cancelled"
        return "diverted" if self.arr_time is None else "landed"
