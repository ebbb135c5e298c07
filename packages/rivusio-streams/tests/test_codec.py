"""Values as bytes: whatever goes in comes back equal and of the same type, or is refused by name."""

from __future__ import annotations

import dataclasses
import pathlib
from collections import Counter, OrderedDict, deque
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, Flag, IntEnum, StrEnum
from fractions import Fraction
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, PrivateAttr, SecretStr

from rivusio_core.errors import CheckpointCorrupt, CheckpointMismatch, ConfigError, StateError
from rivusio_streams.engine.operators.nothing import NOTHING
from rivusio_streams.engine.reader import ReaderState
from rivusio_streams.state import Codec, Schema, Upcast, schema_of


class Colour(Enum):
    RED = 1
    BLUE = (2, 3)


class Level(IntEnum):
    LOW = 1


class Word(StrEnum):
    YES = "yes"


class Right(Flag):
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Point:
    x: float
    y: float


@dataclass
class Bag:
    items: list[Any]
    size: int = field(init=False)

    def __post_init__(self) -> None:
        self.size = len(self.items)


class Pair(NamedTuple):
    left: Any
    right: int = 0


class Order(BaseModel):
    model_config = ConfigDict(extra="allow")
    id: int
    tags: tuple[str, ...] = ()
    _seen: int = PrivateAttr(default=3)


class Strict(BaseModel):
    amount: int

    def model_post_init(self, context: Any, /) -> None:
        if self.amount > 10:
            raise ValueError("too large")


class Secret(BaseModel):
    token: SecretStr


def again(value: object) -> Any:
    return Codec().decode(Codec().encode(value))


# Of a strategy so nested, hypothesis finds the text too long, should it need it.
pytestmark = pytest.mark.filterwarnings("ignore:Generating overly large repr")


def same(one: Any, two: Any) -> bool:
    """Equal, and of the same types all the way down."""
    if type(one) is not type(two):
        return False
    if isinstance(one, float):
        return repr(one) == repr(two)
    if isinstance(one, dict):
        return len(one) == len(two) and all(same(a, b) and same(one[a], two[b]) for a, b in zip(one, two, strict=True))
    if isinstance(one, list | tuple | deque):
        return len(one) == len(two) and all(same(a, b) for a, b in zip(one, two, strict=True))
    if dataclasses.is_dataclass(one):  # NaN is not equal to itself
        return all(same(getattr(one, each.name), getattr(two, each.name)) for each in dataclasses.fields(one))
    return bool(one == two)


plain = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters()),
    st.binary(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.uuids(),
    st.dates(),
    st.datetimes(timezones=st.none() | st.timezones()),
    st.timedeltas(),
    st.sampled_from([*Colour, *Level, *Word, NOTHING]),
)
simple = plain | st.floats()
keys = st.recursive(plain, lambda inner: st.lists(inner, max_size=3).map(tuple) | st.frozensets(inner, max_size=3))
values = st.recursive(
    simple,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.lists(inner, max_size=4).map(tuple),
        st.dictionaries(keys, inner, max_size=4),
        st.builds(Point, inner, inner),
        st.builds(Pair, inner),
        st.builds(Bag, st.lists(inner, max_size=3)),
        st.builds(deque, st.lists(inner, max_size=3), st.just(5)),
    ),
    max_leaves=12,
)


@given(values)
def test_values_come_back_as_they_were(value: Any) -> None:
    assert same(again(value), value)


@pytest.mark.parametrize(
    "value",
    [
        2**63,
        -(2**200),
        float("inf"),
        -0.0,
        1 + 2j,
        "\ud800",
        range(1, 9, 2),
        {1, 2},
        frozenset({"a"}),
        Counter("abca"),
        OrderedDict([("b", 1), ("a", 2)]),
        deque([1], maxlen=2),
        time(1, 2, 3, 4, fold=1),
        time(1, tzinfo=UTC),
        date(1, 1, 1),
        datetime(2024, 10, 27, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
        datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=-3, seconds=7))),
        ZoneInfo("Asia/Tokyo"),
        timedelta(days=-1, microseconds=1),
        Decimal("1.10"),
        Fraction(1, 3),
        UUID(int=7),
        pathlib.Path("a/b"),
        pathlib.PureWindowsPath("c:/d"),
        Colour.BLUE,
        Right.READ | Right.WRITE,
        Pair([1], 2),
        ReaderState({"offset": 3}, 4, 0.5),
    ],
    ids=repr,
)
def test_each_kind(value: Any) -> None:
    found = again([value])[0]
    assert (found, type(found)) == (value, type(value))
    assert repr(found) == repr(value)


def test_not_a_number() -> None:
    assert again(float("nan")) != again(float("nan"))
    assert again(Decimal("NaN")).is_nan()


def test_models_keep_everything_that_they_hold() -> None:
    order = Order(id=1, more={"x": [1]})  # type: ignore[call-arg]
    order._seen = 9
    found = again(order)
    assert (found, found._seen, found.model_fields_set, found.more) == (order, 9, {"id", "more"}, {"x": [1]})


def test_rules_of_a_class_are_not_asked_again() -> None:
    kept = Strict(amount=1)
    kept.amount = 99
    bag = Bag([1])
    bag.size = 7
    assert again(kept).amount == 99
    assert again(bag).size == 7


def test_what_is_not_all_there_stays_so() -> None:
    bag = object.__new__(Bag)
    bag.items = [1]
    assert not hasattr(again(bag), "size")


class Plain:
    pass


def test_other_things_are_refused_with_advice_and_not_quoted() -> None:
    @dataclass
    class Local:
        x: int = 1

    for value, told in (
        (Plain(), "a Plain cannot be kept.*dataclass"),
        (lambda: 1, "function"),
        (Local(), "define it at its top"),
        (Secret(token=SecretStr("hunter2")), "Secret: a SecretStr cannot be kept"),
        (Pair(Point(Plain(), 1)), "Pair: Point: a Plain"),  # type: ignore[arg-type]
        (open, "cannot be kept"),
    ):
        with pytest.raises(StateError, match=told) as raised:
            Codec().encode({"key": [value]})
        assert "hunter2" not in str(raised.value)


def test_a_value_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(StateError, match="a list cannot be kept"):
        Codec().encode(endless)


@given(st.frozensets(st.integers() | st.text()), st.randoms())
def test_equal_keys_give_equal_bytes(key: frozenset[Any], chance: Any) -> None:
    other = list(key)
    chance.shuffle(other)
    one, two = Codec().encode_key(key), Codec().encode_key(frozenset(other))
    assert one == two
    assert Codec().decode(one) == key


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_damaged(data: bytes) -> None:
    with suppress(CheckpointCorrupt, CheckpointMismatch):
        Codec().decode(data)


@given(values, st.data())
def test_damaged_bytes_are_a_value_or_damaged(value: Any, data: st.DataObject) -> None:
    kept = bytearray(Codec().encode(value))
    place = data.draw(st.integers(0, len(kept) - 1))
    kept[place] ^= 1 << data.draw(st.integers(0, 7))
    with suppress(CheckpointCorrupt, CheckpointMismatch):
        Codec().decode(bytes(kept))


def test_reading_neither_imports_nor_calls() -> None:
    codec = Codec()
    data = codec.encode(Point(1.0, 2.0))
    for name in ("antigravity:Point", "os:system", f"{__name__}:Plain", f"{__name__}:again", "builtins:dict"):
        label = codec.encode([f"{name}#{'0' * 12}", {}])
        hostile = data[:1] + bytes([0])  # rebuilt below, with the right length
        hostile = b"\xc8" + len(label).to_bytes(2, "big") + b"\x03" + label
        with pytest.raises((CheckpointMismatch, CheckpointCorrupt)):
            codec.decode(hostile)
    import sys

    assert "antigravity" not in sys.modules


# ------------------------------------------------------------------------------------------------- changed types


@dataclass
class Total:
    cents: int


def test_a_changed_type_is_told_with_the_line_to_write(monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise: changed topology: state of another schema is never read as something else."""
    codec = Codec()
    data, schemas = codec.encode([Total(250)]), {}
    schemas = dict(codec.schemas())
    since = schema_of(Total).fingerprint
    now = dataclasses.make_dataclass("Total", [("cents", int), ("currency", str)], namespace={"__module__": __name__})
    monkeypatch.setitem(globals(), "Total", now)
    with pytest.raises(CheckpointMismatch, match=rf"'currency' is new.*Upcast\(Total, \"{since}\", change\)"):
        Codec().reader(schemas)(data)
    reading = Codec([Upcast(now, since, lambda old: {**old, "currency": "EUR"})])
    [found] = reading.reader(schemas)(data)
    assert (found, reading.upcasted) == (now(250, "EUR"), True)
    wrong = Codec([Upcast(now, since, lambda old: {"cent": 1})])
    with pytest.raises(CheckpointMismatch, match="is no Total"):
        wrong.reader(schemas)(data)


def test_upcasts_follow_one_another_and_know_old_names(monkeypatch: pytest.MonkeyPatch) -> None:
    codec = Codec()
    data = codec.encode(Total(250))
    first = schema_of(Total).fingerprint
    monkeypatch.delitem(globals(), "Total")
    with pytest.raises(CheckpointMismatch, match="not there any more"):
        Codec().decode(data)
    upcasts = [
        Upcast(Order, first, lambda old: {"number": old["cents"]}, name=f"{__name__}:Total"),
        Upcast(Order, "0" * 12, lambda old: {"id": old["number"]}),
    ]
    assert Codec(upcasts).decode(data) == Order(id=250)


def test_fingerprints_are_of_names_and_annotations() -> None:
    assert schema_of(Point).fields == {"x": "float", "y": "float"}
    one, two = Schema("m:A", {"x": "int", "y": "str"}), Schema("m:A", {"y": "str", "x": "int"})
    assert one.fingerprint == two.fingerprint != Schema("m:A", {"x": "str", "y": "str"}).fingerprint
    assert len(one.fingerprint) == 12
    assert one.difference({"x": "str", "z": "int"}) == "'y' is new, 'z' is gone, 'x' was str and is int"


def test_an_upcast_needs_a_fingerprint() -> None:
    with pytest.raises(ConfigError, match="fingerprint"):
        Upcast(Order, "v1", lambda old: old)
