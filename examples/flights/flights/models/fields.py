"""Kinds of fields: how the files write missing values, clock readings, airports and planes."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

__all__ = ["Absent", "Clock", "Code", "Decimal", "Positive", "Tail", "Value", "Whole", "Wind"]

HIGHEST_WIND = 254.0
"""Miles per hour: the strongest gust ever measured at the ground (Barrow Island, 1996). More is a broken reading."""


def _absent(value: object) -> object:
    return None if value in ("NA", "") else value


def _clock(value: int) -> int:
    if value % 100 > 59:  # minutes of an hour
        raise ValueError("not a time of day")
    return value


def _believable(wind: float | None) -> float | None:
    return None if wind is not None and wind > HIGHEST_WIND else wind


Absent = BeforeValidator(_absent)
"""Takes `NA` for None."""
Whole = Annotated[int | None, Absent]
Decimal = Annotated[float | None, Absent]
Positive = Annotated[int, Field(gt=0)]
Clock = Annotated[int, Field(ge=0, le=2400), AfterValidator(_clock)]
"""A time of day as the files write it, `1745` for a quarter to six; midnight at the end of a day is `2400`."""
Wind = Annotated[float | None, Absent, AfterValidator(_believable)]
"""A wind speed; an impossible reading is as good as none."""
Code = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""An airport, as in FAA codes."""
Tail = Annotated[str, Field(pattern=r"^N[0-9A-Z]{3,5}$")]
"""A plane: a registration of the United States, or an airline's fleet number in the same form (`N3EYAA`)."""


class Value(BaseModel):
    """Base of the models: what is validated does not change afterwards."""

    model_config = ConfigDict(frozen=True)
