"""Models with every kind of field, and what they can hold."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from typing import Literal

from hypothesis import strategies as st
from pydantic import BaseModel


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Inner(BaseModel):
    number: int
    words: list[str]


class Everything(BaseModel):
    id: int
    name: str
    nick: str | None
    amount: float
    price: Decimal
    good: bool
    at: datetime
    day: date | None
    raw: bytes
    colour: Colour
    side: Literal["left", "right"]
    tags: list[str]
    inner: Inner
    maybe: Inner | None = None


_text = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
_inner = st.builds(Inner, number=st.integers(-(2**31), 2**31), words=st.lists(_text, max_size=3))

everything = st.builds(
    Everything,
    id=st.integers(-(2**63), 2**63 - 1),
    name=_text,
    nick=st.none() | _text,
    amount=st.floats(allow_nan=False, allow_infinity=False),
    price=st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9),
    good=st.booleans(),
    at=st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis wants naive bounds
    day=st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    raw=st.binary(max_size=8),
    colour=st.sampled_from(Colour),
    side=st.sampled_from(["left", "right"]),
    tags=st.lists(_text, max_size=3),
    inner=_inner,
    maybe=st.none() | _inner,
)


class Order(BaseModel):
    id: int
    user: str


def orders(count: int) -> list[Order]:
    return [Order(id=number, user=f"u{number}") for number in range(count)]
