"""How many items may fail before the run does."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, cast

import pytest
from doubles import Partitions
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import pipe
from rivusio_core.clock import Clock
from rivusio_core.errors import BadRecord, ConfigError, ErrorBudgetExceeded, Fatal
from rivusio_streams import Envelope, ErrorBudget, JsonLines, Restart, RunConfig, Stream
from rivusio_streams.config import RunSettings
from rivusio_streams.engine.spending import Spending
from rivusio_streams.fingerprint import Fingerprint

pytestmark = pytest.mark.anyio
KIND = Fingerprint("price", "ValueError", "shop.py:7 in price", "")
PARTS = 30
"""The window slides by this part of itself."""


class Hands:
    """A clock that is set by hand."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now


def spending(hands: Hands, *, share: float = 0.1, at_least: int = 10) -> Spending:
    return Spending(ErrorBudget(share, within=PARTS, at_least=at_least), cast("Clock", hands))


def failing(number: int) -> Any:
    @pipe(on_error="dead_letter")
    def check(item: int) -> int:
        if item % number == 0:
            raise BadRecord(f"order {item} has no price")
        return item

    return check


# ------------------------------------------------------------------------------------------------- the time that slides

steps = st.lists(
    st.tuples(st.sampled_from([0, 1, 7, PARTS - 1, PARTS, 3 * PARTS]), st.integers(0, 40), st.integers(0, 6)),
    max_size=40,
)


@given(steps=steps, share=st.sampled_from([0.05, 0.2, 1.0]), least=st.sampled_from([1, 10, 60]))
def test_what_counts_is_the_time_that_just_passed(steps: list[tuple[int, int, int]], share: float, least: int) -> None:
    hands, known = Hands(), list[tuple[int, int, int]]()
    tested = spending(hands, share=share, at_least=least)
    for wait, read, failed in steps:
        hands.now += wait
        known.append((int(hands.now), read, failed))
        recent = [each for each in known if each[0] > hands.now - PARTS]
        bad = sum(each[2] for each in recent)
        of = max(sum(each[1] for each in recent), bad)
        if failed and of >= least and bad / of > share:
            with pytest.raises(ErrorBudgetExceeded) as caught:
                tested.add(read, [KIND] * failed)
            assert (caught.value.failed, caught.value.taken, caught.value.most) == (bad, of, ((str(KIND), bad),))
            return
        tested.add(read, [KIND] * failed)


def test_failures_of_long_ago_are_forgiven() -> None:
    hands = Hands()
    tested = spending(hands)
    for _ in range(20):
        tested.add(30, [KIND] * 3)  # exactly what is allowed
        hands.now += PARTS
    with pytest.raises(ErrorBudgetExceeded):
        tested.add(30, [KIND] * 4)


def test_what_was_read_long_ago_does_not_dilute() -> None:
    hands = Hands()
    tested = spending(hands)
    tested.add(1_000, [])
    hands.now += PARTS - 1
    tested.add(10, [KIND] * 4)
    hands.now += 1
    with pytest.raises(ErrorBudgetExceeded, match="5 of 20 items"):
        tested.add(10, [KIND])


def test_few_items_say_nothing() -> None:
    tested = spending(Hands(), at_least=100)
    tested.add(99, [KIND] * 99)
    with pytest.raises(ErrorBudgetExceeded):
        tested.add(1, [KIND])


def test_the_most_frequent_kinds_are_named_first() -> None:
    tested = spending(Hands(), at_least=20)
    kinds = [Fingerprint(f"step{index}", "ValueError", "", "") for index in range(5)]
    with pytest.raises(ErrorBudgetExceeded) as caught:
        tested.add(0, [kind for index, kind in enumerate(kinds, 5) for _ in range(index)])
    assert caught.value.most == (("step4: ValueError", 9), ("step3: ValueError", 8), ("step2: ValueError", 7))


# ----------------------------------------------------------------------------------------------------------- in a run


async def test_a_run_ends_when_too_many_items_fail() -> None:
    source, letters = Partitions([range(1, 10_000)]), list[Envelope]()
    settings = RunConfig(dead_letters=letters, error_budget=ErrorBudget(0.1, "1h", at_least=50))
    with pytest.raises(ErrorBudgetExceeded) as caught:
        await Stream.read(source).through(failing(5)).write([]).arun(settings)
    error = caught.value
    assert 50 <= error.taken < 500
    assert error.share == pytest.approx(0.2, abs=0.05)
    assert len(letters) == error.failed
    [(kind, count)] = error.most
    assert count == error.failed
    assert kind.startswith("check: BadRecord at test_error_budget.py:")
    assert kind.endswith("in check: order # has no price")
    assert "items failed within 1h" in str(error)
    assert "more than the 10% of the error budget" in str(error)
    assert source.acknowledged == {}


async def test_a_run_goes_on_while_few_items_fail() -> None:
    letters: list[Envelope] = []
    settings = RunConfig(dead_letters=letters, error_budget="10% in 1h")
    report = await Stream.read(range(1, 1_001)).through(failing(10)).write([]).arun(settings)
    assert report.errors.count == len(letters) == 100


async def test_bad_records_of_the_source_count(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text("1\nx\n" * 100)
    flow = Stream.read(JsonLines(path, int, on_error="skip")).write([])
    assert (await flow.arun(RunConfig(error_budget="50% in 1h"))).errors.count == 100
    with pytest.raises(ErrorBudgetExceeded):
        await flow.arun(RunConfig(error_budget="40% in 1h"))


async def test_a_run_does_not_begin_again_to_fail_the_same_way() -> None:
    source, letters = Partitions([range(1, 1_000)]), list[Envelope]()
    settings = RunConfig(dead_letters=letters, error_budget="1% in 5m", restart=Restart("0s"))
    with pytest.raises(ErrorBudgetExceeded):
        await Stream.read(source).through(failing(2)).write([]).arun(settings)
    assert source.closed == ["0"]


async def test_what_ends_the_run_is_told_and_not_the_budget() -> None:
    @pipe(on_error="skip")
    def check(item: int) -> int:
        raise Fatal("stop") if item else BadRecord("no")

    flow = Stream.read([0, 1]).through(check).write([])
    with pytest.raises(Fatal):
        await flow.arun(RunConfig(error_budget=ErrorBudget(0.6, "1h", at_least=2)))


def test_the_error_can_be_sent() -> None:
    error = ErrorBudgetExceeded("too many", share=0.5, failed=1, taken=2, most=[("a", 1)])
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.share, again.failed, again.taken, again.most) == ("too many", 0.5, 1, 2, (("a", 1),))


# --------------------------------------------------------------------------------------------------------- as settings


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("1% in 5m", ErrorBudget()),
        ("  0.25 %  in 1h30m ", ErrorBudget(0.0025, "1h30m")),
        ("100% in 1s, at least 7", ErrorBudget(1.0, "1s", at_least=7)),
        ("5% in 1d at least 1", ErrorBudget(0.05, "1d", at_least=1)),
    ],
)
def test_a_budget_is_written_as_text(text: str, meant: ErrorBudget) -> None:
    assert ErrorBudget.parse(text) == meant
    assert ErrorBudget.parse(str(meant)) == meant
    assert RunConfig(error_budget=text).error_budget == meant
    assert RunSettings(error_budget=text).error_budget == text


@pytest.mark.parametrize(
    "wrong", ["", "1%", "1 in 5m", "0% in 5m", "101% in 5m", "1% in soon", "1% in 0s", "-1% in 5m", 3]
)
def test_what_is_no_budget_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        RunConfig(error_budget=wrong)
    assert [each.path for each in caught.value.faults] == ["error_budget"]


def test_all_wrong_arguments_come_at_once() -> None:
    wrong: Any = "much"
    with pytest.raises(ConfigError) as caught:
        ErrorBudget(wrong, -1, at_least=0)
    assert [each.path for each in caught.value.faults] == ["share", "within", "at_least"]
    for each in (True, 0, 1.5, float("nan")):
        with pytest.raises(ConfigError, match="share"):
            ErrorBudget(each)
