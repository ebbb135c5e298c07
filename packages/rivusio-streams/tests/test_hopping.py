"""Hopping windows against the plainest meaning: every start is tried."""

from __future__ import annotations

import pickle
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core.errors import ConfigError
from rivusio_streams import Hopping, Tumbling
from rivusio_streams.moment import FIRST, LAST

SECOND = 1_000_000


def micros(value: int) -> timedelta:
    return timedelta(microseconds=value)


@given(size=st.integers(1, 40), every=st.integers(1, 40), offset=st.integers(-50, 50), time=st.integers(-200, 200))
def test_all_windows_that_hold_a_time_in_order(size: int, every: int, offset: int, time: int) -> None:
    windows = Hopping(micros(size), micros(every), offset=micros(offset))
    starts = [offset + n * every for n in range(-400, 401)]
    expected = [(start, start + size) for start in starts if start <= time < start + size]
    assert list(windows.assign(time)) == sorted(expected, key=lambda span: (span[1], span[0]))


@given(size=st.integers(1, 10**15), offset=st.integers(-(10**16), 10**16), time=st.integers(FIRST, LAST))
def test_a_hop_of_one_size_tumbles(size: int, offset: int, time: int) -> None:
    hopping = Hopping(micros(size), micros(size), offset=micros(offset))
    assert hopping.assign(time) == Tumbling(micros(size), offset=micros(offset)).assign(time)


def test_a_time_between_two_windows_is_in_none() -> None:
    windows = Hopping("2s", "5s", offset="1s")
    assert windows.assign(3 * SECOND) == windows.assign(6 * SECOND - 1) == ()
    assert windows.assign(6 * SECOND) == windows.assign(8 * SECOND - 1) == ((6 * SECOND, 8 * SECOND),)


def test_it_is_a_value() -> None:
    windows = Hopping("10s", "5s", offset="-1s")
    assert (windows.length, windows.every, windows.offset) == (10 * SECOND, 5 * SECOND, 4 * SECOND)
    assert windows == Hopping(10, 5, offset=9) != Hopping(10, 5)
    assert hash(windows) == hash(Hopping(10, 5, offset=9))
    assert pickle.loads(pickle.dumps(windows)) == windows
    assert repr(windows) == "Hopping('10s', '5s', offset='4s')"
    assert eval(repr(windows)) == windows
    with pytest.raises(AttributeError):
        windows.every = 1  # type: ignore[misc]


def test_all_faults_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Hopping(0, "-5s", offset="soon")
    assert len(caught.value.faults) == 3
    assert "size: must be longer than 0, not 0s" in str(caught.value)
    assert "every: must be longer than 0, not -5s" in str(caught.value)
    assert "offset: 'soon' is no duration" in str(caught.value)
    with pytest.raises(ConfigError, match="size: 'x' is no duration"):
        Hopping("x", 1)
