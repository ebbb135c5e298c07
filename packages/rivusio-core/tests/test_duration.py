"""Durations and sizes, as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import ConfigError
from rivusio_core.duration import duration_text, microseconds, seconds, size

LARGEST = 10**18


@given(st.integers(-LARGEST, LARGEST))
def test_text_is_read_back_exactly(micros: int) -> None:
    assert microseconds(duration_text(micros)) == micros


@given(st.integers(-LARGEST, LARGEST))
def test_a_timedelta_is_exact(micros: int) -> None:
    assert microseconds(timedelta(microseconds=micros)) == micros


@given(st.floats(-1e9, 1e9))
def test_seconds_are_rounded_to_the_nearest(value: float) -> None:
    assert abs(microseconds(value) - value * 1_000_000) <= 0.5 + abs(value) * 1e-9
    assert seconds(value) == microseconds(value) / 1_000_000


@given(st.integers(0, 999), st.integers(0, 59), st.integers(0, 59), st.integers(0, 23), st.integers(0, 9_999))
def test_parts_add_up(millis: int, secs: int, minutes: int, hours: int, days: int) -> None:
    text = f"{days}d{hours}h{minutes}m{secs}s{millis}ms"
    expected = timedelta(days=days, hours=hours, minutes=minutes, seconds=secs, milliseconds=millis)
    assert microseconds(text) == microseconds(expected)
    assert microseconds("-" + text) == -microseconds(expected)


@pytest.mark.parametrize(
    ("value", "micros"),
    [
        ("250ms", 250_000),
        ("5s", 5_000_000),
        ("1m30s", 90_000_000),
        ("2h", 7_200_000_000),
        ("1d", 86_400_000_000),
        ("1.5s", 1_500_000),
        ("10us", 10),
        (" 5s ", 5_000_000),
        ("-5s", -5_000_000),
        (2, 2_000_000),
        (0.5, 500_000),
        (-1, -1_000_000),
        (0.0000005, 0),
        (0.0000015, 2),
    ],
)
def test_what_is_meant(value: str | float, micros: int) -> None:
    assert microseconds(value) == micros


@pytest.mark.parametrize(
    "value",
    [
        *("", "-", "5", "s", "5 s", "5sec", "--5s", "5s!", "1e3s", "\u0665s", "9" * 40 + "d", "1s" * 60, b"5s"),
        *(float("nan"), float("inf"), -float("inf"), 1e300, True, None, timedelta.max),
        pytest.param(10**5_000, id="large"),
    ],
)
def test_what_is_none_is_refused_by_name(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^patience: ") as caught:
        microseconds(value, "patience")  # type: ignore[arg-type]
    assert len(str(caught.value)) < 700


@given(st.text(max_size=80))
def test_any_text_is_a_duration_or_an_error(text: str) -> None:
    try:
        micros = microseconds(text)
    except ConfigError:
        return
    assert abs(micros) <= LARGEST


def test_the_shortest_text() -> None:
    assert [duration_text(micros) for micros in (0, 90_000_000, -1_500_000, 1)] == ["0s", "1m30s", "-1s500ms", "1us"]


@pytest.mark.parametrize(
    ("value", "count"),
    [(0, 0), (12, 12), ("12", 12), ("64MiB", 64 * 2**20), ("500kB", 500_000), ("1 GiB", 2**30), ("3B", 3)],
)
def test_sizes(value: int | str, count: int) -> None:
    assert size(value) == count


@pytest.mark.parametrize(
    "value", [-1, True, "", "\u0665B", "MiB", "1.5MiB", "-1", "1 mib", "1TB!", "9" * 100, None, 1.5]
)
def test_what_is_no_size_is_refused_by_name(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^memory: "):
        size(value, "memory")  # type: ignore[arg-type]
