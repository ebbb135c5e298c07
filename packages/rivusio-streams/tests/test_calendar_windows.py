"""Calendar windows against local calendars, looked at minute by minute."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rivusio_core.errors import ConfigError
from rivusio_streams import AlignedWindows, Daily, Hourly, Monthly, Weekly, Yearly
from rivusio_streams.moment import FIRST, FOREVER, LAST, NEVER, moment

HOUR = 3_600_000_000
DAY = 24 * HOUR
KINDS = [Hourly, Daily, Weekly, Monthly, Yearly]
ODD = [
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/Havana",
    "America/Juneau",
    "America/Sao_Paulo",
    "America/St_Johns",
    "America/Toronto",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Manila",
    "Australia/Lord_Howe",
    "Europe/Berlin",
    "Pacific/Apia",
    "UTC",
]
zones = st.sampled_from(ODD) | st.sampled_from(sorted(available_timezones()))
times = st.one_of(
    st.integers(FIRST, LAST),
    st.datetimes(datetime(1840, 1, 1), datetime(2060, 1, 1)).map(lambda d: moment(d.replace(tzinfo=UTC))),  # noqa: DTZ001
)


def utc(*parts: int) -> int:
    return moment(datetime(*parts, tzinfo=UTC))  # type: ignore[misc,arg-type]


def span(windows: AlignedWindows, time: int) -> tuple[int, int]:
    (found,) = windows.assign(time)
    return found


# ---------------------------------------------------------------- what must hold for all of them


@pytest.mark.parametrize("kind", KINDS)
@given(key=zones, time=times)
@example(key="Pacific/Apia", time=FIRST)
@example(key="America/Los_Angeles", time=FIRST)
@example(key="Pacific/Apia", time=LAST)
@example(key="America/Los_Angeles", time=LAST)
@example(key="America/Los_Angeles", time=NEVER)
@example(key="Europe/Berlin", time=FOREVER)
@settings(deadline=None)
def test_windows_tile_the_time_line(kind: type[Daily], key: str, time: int) -> None:
    windows = kind(tz=key)
    start, end = span(windows, time)
    assert start <= time < end
    assert span(kind(tz=key), start) == span(kind(tz=key), end - 1) == (start, end)
    assert span(kind(tz=key), end)[0] == end
    assert span(kind(tz=key), start - 1)[1] == start


@given(key=zones, near=st.lists(times, min_size=1, max_size=3), steps=st.lists(st.integers(-40, 40), max_size=20))
@settings(deadline=None)
def test_what_was_asked_before_changes_nothing(key: str, near: list[int], steps: list[int]) -> None:
    for kind in KINDS:
        windows = kind(tz=key)
        for time in [one + step * 7 * HOUR for step in steps for one in near]:
            assert windows.assign(time) == kind(tz=key).assign(time)


# ---------------------------------------------------------------- days, weeks, months, years


def local(zone: ZoneInfo, time: datetime) -> datetime:
    return time.astimezone(zone).replace(tzinfo=None)


def begins(zone: ZoneInfo, day: date) -> int:
    """The first moment of a date or, if there is none, of the next one: found by watching a local clock."""
    midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001
    time = midnight.replace(tzinfo=UTC) - timedelta(hours=26)
    assert local(zone, time) < midnight
    while local(zone, time) < midnight:
        time += timedelta(minutes=1)
    time -= timedelta(minutes=1)
    while local(zone, time) < midnight:
        time += timedelta(seconds=1)
    return moment(time)


def after(kind: type[AlignedWindows], first: date) -> date:
    if kind is Daily or kind is Weekly:
        return first + timedelta(days=1 if kind is Daily else 7)
    following = first
    while (following.year, following.month if kind is Monthly else 0) == (
        first.year,
        first.month if kind is Monthly else 0,
    ):
        following += timedelta(days=1)
    return following


def calendar_window(kind: type[AlignedWindows], key: str, time: int) -> tuple[int, int]:
    zone = ZoneInfo(key)
    day = local(zone, datetime.fromtimestamp(time // 1_000_000, UTC)).date()
    while (
        (kind is Weekly and day.strftime("%u") != "1")
        or (kind in (Monthly, Yearly) and day.day != 1)
        or (kind is Yearly and day.month != 1)
    ):
        day -= timedelta(days=1)
    while True:
        start, day = begins(zone, day), after(kind, day)
        if time < begins(zone, day):
            return (start, begins(zone, day))


@pytest.mark.parametrize("kind", [Daily, Weekly, Monthly, Yearly])
@given(
    key=zones,
    time=st.datetimes(datetime(1840, 1, 1), datetime(2060, 1, 1)).map(lambda d: moment(d.replace(tzinfo=UTC))),  # noqa: DTZ001
)
@settings(deadline=None, max_examples=40)
def test_bounds_are_those_of_a_local_calendar(kind: type[Daily], key: str, time: int) -> None:
    assert span(kind(tz=key), time) == calendar_window(kind, key, time)


CHANGES = [
    ("Europe/Berlin", date(2026, 3, 29), 23.0),
    ("Europe/Berlin", date(2026, 10, 25), 25.0),
    ("America/New_York", date(2024, 3, 10), 23.0),
    ("America/New_York", date(2024, 11, 3), 25.0),
    ("Australia/Lord_Howe", date(2024, 10, 6), 23.5),
    ("Australia/Lord_Howe", date(2024, 4, 7), 24.5),
    ("America/Sao_Paulo", date(2018, 11, 4), 23.0),  # no midnight
    ("America/Sao_Paulo", date(2018, 2, 17), 25.0),  # 23:00 twice
    ("Africa/Cairo", date(2023, 4, 28), 23.0),  # no midnight
    ("Africa/Cairo", date(2023, 10, 26), 25.0),
    ("Asia/Beirut", date(2022, 3, 27), 23.0),  # no midnight
    ("Asia/Beirut", date(2022, 10, 29), 25.0),
    ("America/Havana", date(2022, 11, 6), 25.0),  # midnight twice
    ("America/St_Johns", date(2010, 11, 6), 24.0),  # from 00:01 on the next day back to 23:01
    ("America/St_Johns", date(2010, 11, 7), 25.0),
    ("America/Toronto", date(1919, 3, 30), 23.5),  # from 23:30 to 00:30
    ("America/Toronto", date(1919, 3, 31), 23.5),
    ("Pacific/Apia", date(2011, 12, 29), 24.0),
    ("Pacific/Apia", date(2011, 12, 31), 24.0),
    ("Pacific/Apia", date(1892, 7, 4), 48.0),  # twice on the calendar
    ("Etc/GMT-14", date(1970, 1, 1), 24.0),
]


@pytest.mark.parametrize(("key", "day", "hours"), CHANGES, ids=str)
def test_days_on_which_clocks_are_changed(key: str, day: date, hours: float) -> None:
    start, end = span(Daily(tz=key), begins(ZoneInfo(key), day))
    assert (start, end) == (begins(ZoneInfo(key), day), begins(ZoneInfo(key), day + timedelta(days=1)))
    assert (end - start) / HOUR == hours


def test_bounds_by_name() -> None:
    berlin = Daily(tz="Europe/Berlin")
    assert span(berlin, utc(2026, 3, 29, 12)) == (utc(2026, 3, 28, 23), utc(2026, 3, 29, 22))
    assert span(berlin, utc(2026, 10, 25, 12)) == (utc(2026, 10, 24, 22), utc(2026, 10, 25, 23))
    # 4 November has no midnight: clocks go from 3 November 23:59:59 to 01:00.
    assert span(Daily(tz="America/Sao_Paulo"), utc(2018, 11, 4, 3)) == (utc(2018, 11, 4, 3), utc(2018, 11, 5, 2))
    # 30 December 2011 is left out: 29 December is followed by 31 December.
    apia = Daily(tz="Pacific/Apia")
    assert span(apia, utc(2011, 12, 30, 9, 59)) == (utc(2011, 12, 29, 10), utc(2011, 12, 30, 10))
    assert span(apia, utc(2011, 12, 30, 10)) == (utc(2011, 12, 30, 10), utc(2011, 12, 31, 10))
    # Midnight comes, and one minute later it is yesterday again: the new day has begun.
    for time in (utc(2010, 11, 7, 2, 30, 30), utc(2010, 11, 7, 2, 45), utc(2010, 11, 7, 3, 29)):
        johns = Daily(tz="America/St_Johns")  # a new one: it remembers nothing
        assert span(johns, time) == (utc(2010, 11, 7, 2, 30), utc(2010, 11, 8, 3, 30))


def test_weeks_months_and_years() -> None:
    time = utc(2024, 2, 29, 23, 30)
    assert span(Weekly(), time) == (utc(2024, 2, 26), utc(2024, 3, 4))
    assert span(Weekly(start="sunday"), time) == (utc(2024, 2, 25), utc(2024, 3, 3))
    assert span(Weekly(start="friday", tz="Europe/Berlin"), time) == (utc(2024, 2, 29, 23), utc(2024, 3, 7, 23))
    assert span(Monthly(), time) == (utc(2024, 2, 1), utc(2024, 3, 1))
    assert span(Monthly(tz="Europe/Berlin"), time) == (utc(2024, 2, 29, 23), utc(2024, 3, 31, 22))
    assert span(Yearly(), time) == (utc(2024, 1, 1), utc(2025, 1, 1))
    assert span(Yearly(tz="Asia/Tokyo"), utc(2024, 12, 31, 15)) == (utc(2024, 12, 31, 15), utc(2025, 12, 31, 15))
    assert span(Yearly(), -1) == (utc(1969, 1, 1), 0)


def test_the_edges_of_what_a_datetime_can_hold() -> None:
    assert span(Yearly(), LAST) == (utc(9999, 1, 1), LAST + 1)
    assert span(Daily(), FIRST) == (FIRST, FIRST + DAY)
    assert span(Daily(tz="Etc/GMT-14"), LAST) == (LAST + 1 - 14 * HOUR, LAST + 1 + 10 * HOUR)
    assert span(Daily(tz="Etc/GMT+12"), FIRST) == (FIRST - 12 * HOUR, FIRST + 12 * HOUR)
    assert span(Yearly(), FIRST - 1) == (FIRST - 366 * DAY, FIRST)


# ---------------------------------------------------------------- hours


@given(
    key=zones,
    time=st.datetimes(datetime(1840, 1, 1), datetime(2060, 1, 1)).map(lambda d: moment(d.replace(tzinfo=UTC))),  # noqa: DTZ001
)
@example(key="Australia/Lord_Howe", time=utc(2024, 10, 5, 15, 31))
@example(key="Australia/Lord_Howe", time=utc(2024, 10, 5, 15, 29))
@example(key="Australia/Lord_Howe", time=utc(2024, 4, 6, 15, 15))
@example(key="America/St_Johns", time=utc(2010, 11, 7, 2, 30, 30))
@example(key="Europe/Berlin", time=utc(1893, 3, 31, 23, 6, 30))
@settings(deadline=None, max_examples=40)
def test_hours_are_those_of_local_clocks(key: str, time: int) -> None:
    """Second by second, from a whole local hour or a change of clocks to the next."""
    zone = ZoneInfo(key)

    def shown(second: int) -> tuple[timedelta | None, date, int]:
        now = datetime.fromtimestamp(second, UTC).astimezone(zone)
        return now.utcoffset(), now.date(), now.hour

    start = time // 1_000_000
    here, end = shown(start), start + 1
    while shown(start - 1) == here:
        start -= 1
    while shown(end) == here:
        end += 1
    assert span(Hourly(tz=key), time) == (start * 1_000_000, end * 1_000_000)


def test_a_repeated_hour_gives_two_windows() -> None:
    berlin = Hourly(tz="Europe/Berlin")
    found = [span(berlin, utc(2026, 10, 25, hour, 59)) for hour in (0, 1)]  # both from 02:00 to 03:00
    assert found == [(utc(2026, 10, 25, 0), utc(2026, 10, 25, 1)), (utc(2026, 10, 25, 1), utc(2026, 10, 25, 2))]


def test_hours_of_zones_between_hours() -> None:
    assert span(Hourly(tz="Asia/Kolkata"), 0) == (-HOUR // 2, HOUR // 2)
    assert span(Hourly(tz="Asia/Kathmandu"), utc(2024, 1, 1)) == (
        utc(2023, 12, 31, 23, 15),
        utc(2024, 1, 1, 0, 15),
    )
    howe = Hourly(tz="Australia/Lord_Howe")  # at 15:30 UTC from 02:00 to 02:30, half an hour of that hour is left
    assert span(howe, utc(2024, 10, 5, 15, 45)) == (utc(2024, 10, 5, 15, 30), utc(2024, 10, 5, 16))


# ---------------------------------------------------------------- values and faults


@pytest.mark.parametrize("kind", KINDS)
def test_they_are_values(kind: type[Daily]) -> None:
    used, fresh = kind(tz="Europe/Berlin"), kind(tz=ZoneInfo("Europe/Berlin"))
    used.assign(0)
    assert used == fresh != kind()
    assert hash(used) == hash(fresh)
    assert used.tz == "Europe/Berlin"
    assert pickle.dumps(used) == pickle.dumps(fresh)
    assert pickle.loads(pickle.dumps(used)) == copy.deepcopy(used) == copy.copy(used) == used
    assert pickle.loads(pickle.dumps(used)).assign(0) == used.assign(0)
    assert eval(repr(used)) == used
    assert kind() == kind(tz="UTC") == kind(tz=UTC) == kind(tz=ZoneInfo("UTC"))
    assert repr(kind()) == f"{kind.__name__}()"
    with pytest.raises(AttributeError):
        used.tz = "UTC"  # type: ignore[misc]


def test_kinds_and_starts_are_told_apart() -> None:
    assert len({kind() for kind in KINDS}) == len(KINDS)
    assert Weekly(start="sunday") != Weekly()
    assert pickle.loads(pickle.dumps(Weekly(start="sunday", tz="Asia/Tokyo"))) == Weekly(
        start="sunday", tz="Asia/Tokyo"
    )
    assert repr(Weekly(start="sunday")) == "Weekly(start='sunday')"


@pytest.mark.parametrize("key", ["Europe/Berln", "europe/berlin", "Berlin"])
def test_an_unknown_zone_names_a_near_one(key: str) -> None:
    with pytest.raises(ConfigError, match=r"tz: there is no time zone '.*'; did you mean 'Europe/Berlin'") as caught:
        Daily(tz=key)
    assert [fault.path for fault in caught.value.faults] == ["tz"]


@pytest.mark.parametrize("key", ["", "../etc/passwd", "/etc/passwd", "a\0b", "Europe", "x" * 5_000, "\ud800"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ConfigError, match="there is no time zone"):
        Monthly(tz=key)


@pytest.mark.parametrize("tz", [timezone(timedelta(hours=2)), 5, None])
def test_other_time_zones_are_refused(tz: timezone) -> None:
    with pytest.raises(ConfigError, match="takes a key such as 'Europe/Berlin'"):
        Hourly(tz=tz)


def test_all_faults_of_a_week_come_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        Weekly(start="mondy", tz="Europ/Berlin")  # type: ignore[arg-type]
    assert [fault.path for fault in caught.value.faults] == ["start", "tz"]
    assert "did you mean 'monday'" in str(caught.value)
