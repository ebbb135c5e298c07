"""Models with every kind of field, and what they can hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal, NotRequired
from uuid import UUID

from hypothesis import strategies as st
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, NaiveDatetime, computed_field
from typing_extensions import TypedDict


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


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


class Deep(BaseModel):
    """What is easily changed on its way when it is nested."""

    model_config = ConfigDict(strict=True, extra="forbid")
    at: AwareDatetime
    price: Decimal
    colour: Colour
    code: int = Field(alias="Code")


class Tree(BaseModel):
    value: int
    children: list[Tree] = []


class Odd(BaseModel):
    """Aliases, strictness, and types that tables and columns do not have."""

    model_config = ConfigDict(strict=True, extra="forbid")
    from_: str = Field(alias="from")
    read_as: int = Field(validation_alias="readAs", serialization_alias="WrittenAs")
    rowid: str
    exact: Decimal = Field(max_digits=12, decimal_places=3)
    local: NaiveDatetime
    moment: AwareDatetime | None
    span: timedelta
    clock: time
    uid: UUID
    level: Level
    yes: Literal[True]
    mapping: dict[str, int]
    mixed: int | str | None
    text_or_real: float | str
    number: int | float  # both, on purpose
    anything: Any
    pair: tuple[int, ...]
    few: frozenset[int]
    deep: Deep
    deeps: list[Deep]
    tree: Tree
    hidden: int = Field(default=1, exclude=True)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def twice(self) -> int:
        return self.read_as * 2


@dataclass
class Point:
    x: int
    y: float | None = None


class Loose(TypedDict):
    a: int
    b: NotRequired[str]


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)  # a half of a surrogate pair is no text
whole = st.integers(-(2**63), 2**63 - 1)
small = st.integers(-(2**31), 2**31)
real = st.floats(allow_nan=False)
_zones = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=30)), timezone(timedelta(hours=-8))])
_naive = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1))  # noqa: DTZ001  # hypothesis wants naive bounds
aware = st.builds(lambda moment, zone: moment.replace(tzinfo=zone), _naive, _zones)
price = st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9)
_inner = st.builds(Inner, number=small, words=st.lists(text, max_size=3))
_deep = st.builds(
    lambda at, price, colour, code: Deep(at=at, price=price, colour=colour, Code=code),
    aware,
    price,
    st.sampled_from(Colour),
    small,
)
_tree = st.recursive(
    st.builds(Tree, value=small),
    lambda inner: st.builds(Tree, value=small, children=st.lists(inner, max_size=2)),
    max_leaves=4,
)

everything = st.builds(
    Everything,
    id=whole,
    name=text,
    nick=st.none() | text,
    amount=real,
    price=price,
    good=st.booleans(),
    at=aware,
    day=st.none() | st.dates(date(1, 1, 1), date(9999, 12, 31)),
    raw=st.binary(max_size=8),
    colour=st.sampled_from(Colour),
    side=st.sampled_from(["left", "right"]),
    tags=st.lists(text, max_size=3),
    inner=_inner,
    maybe=st.none() | _inner,
)

odd = st.fixed_dictionaries(
    {
        "from": text,
        "readAs": small,
        "rowid": text,
        "exact": st.decimals(-(10**8), 10**8, places=3),
        "local": _naive,
        "moment": st.none() | aware,
        "span": st.timedeltas(timedelta(days=-1_000), timedelta(days=1_000)),
        "clock": st.times(),
        "uid": st.uuids(),
        "level": st.sampled_from(Level),
        "yes": st.just(True),
        "mapping": st.dictionaries(text, small, max_size=3),
        "mixed": st.none() | small | text,
        "text_or_real": real | text,
        "number": small | real,
        "anything": st.none() | small | text | st.lists(small, max_size=2),
        "pair": st.lists(small, max_size=3).map(tuple),
        "few": st.frozensets(small, max_size=3),
        "deep": _deep,
        "deeps": st.lists(_deep, max_size=2),
        "tree": _tree,
    }
).map(Odd.model_validate)
points = st.builds(Point, x=whole, y=st.none() | real)
loose = st.fixed_dictionaries({"a": whole}, optional={"b": text})

EVERY: list[tuple[Any, st.SearchStrategy[Any]]] = [
    (Everything, everything),
    (Odd, odd),
    (Point, points),
    (Loose, loose),
]
"""Models, and items of them."""


class Order(BaseModel):
    id: int
    user: str


def orders(count: int) -> list[Order]:
    return [Order(id=number, user=f"u{number}") for number in range(count)]
