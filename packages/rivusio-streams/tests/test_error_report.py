"""The failures of a run, by kind."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rivusio_core import pipe
from rivusio_core.errors import BadRecord
from rivusio_streams import Envelope, JsonLines, Report, RunConfig, Stream
from rivusio_streams.error_report import ErrorReport
from rivusio_streams.letters.file import letters_in
from rivusio_streams.letters.groups import grouped

pytestmark = pytest.mark.anyio


@pipe(on_error="dead_letter")
def price(item: int) -> int:
    if item % 10 == 3:
        raise BadRecord(f"order {item} has no price")
    if item % 10 == 7:
        raise KeyError(f"secret {item}")
    return item


@pipe(on_error="skip")
def even(item: int) -> int:
    if item % 100 == 99:
        raise ValueError("a secret")
    return item


async def report_of(letters: list[Envelope] | Path) -> Report:
    flow = Stream.read(range(1_000)).through(price).through(even).write([])
    return await flow.arun(RunConfig(dead_letters=letters))


async def test_failures_are_told_by_kind() -> None:
    letters: list[Envelope] = []
    errors = (await report_of(letters)).errors
    told = [(each.step, each.error, each.count, each.position) for each in errors.groups]
    assert told == [("price", "BadRecord", 100, 3), ("price", "KeyError", 100, 7), ("even", "ValueError", 10, 99)]
    assert errors.groups[0].example == "order 3 has no price"
    assert (errors.count, errors.others) == (210, 0)
    for group in errors.groups[:2]:
        alike = [each for each in letters if each.fingerprint == group.id]
        moments = [each.at for each in alike if each.at is not None]
        assert len(alike) == group.count
        assert min(moments) <= group.first <= group.last  # a letter is written before its failure is counted


async def test_dead_letters_have_the_same_groups(tmp_path: Path) -> None:
    path = tmp_path / "dead.jsonl"
    errors = (await report_of(path)).errors
    found, _ = grouped(letters_in(path))
    kept = [each for each in errors.groups if each.step == "price"]
    assert [(each.id, each.step, each.error, each.place, each.count, each.example) for each in found] == [
        (each.id, each.step, each.error, each.place, each.count, each.example) for each in kept
    ]


async def test_the_summary_shows_the_most_frequent() -> None:
    report = await report_of([])
    lines = str(report).splitlines()
    first, second, third = report.errors.groups
    assert lines[lines.index("210 failed:") + 1 :] == [
        f"  100 x price: BadRecord at {first.place}: order 3 has no price [{first.id}]",
        f"  100 x price: KeyError at {second.place} [{second.id}]",
        f"  10 x even: ValueError at {third.place} [{third.id}]",
    ]
    assert "secret" not in str(report) + json.dumps(report.to_json()) + repr(report)


async def test_what_is_not_shown_is_counted() -> None:
    errors = (await report_of([])).errors
    assert errors.lines(most=1)[1:] == [f"  {errors.groups[0]}", "  110 x others"]
    assert ErrorReport().lines() == []
    assert ErrorReport(others=3).lines() == ["3 failed:", "  3 x others"]


async def test_the_report_in_json_has_them() -> None:
    report = await report_of([])
    told = json.loads(json.dumps(report.to_json()))["errors"]
    assert (told["count"], told["others"]) == (210, 0)
    assert [each["count"] for each in told["groups"]] == [100, 100, 10]
    assert set(told["groups"][0]) >= {"fingerprint", "step", "error", "place", "first", "last", "position", "example"}


async def test_kinds_without_end_do_not_fill_the_memory() -> None:
    words = ["".join(chr(97 + int(digit)) for digit in str(number)) for number in range(1_500)]

    @pipe(on_error="skip")
    def refuse(word: str) -> str:
        raise BadRecord(word)

    errors = (await Stream.read(words).through(refuse).write([]).arun()).errors
    assert (len(errors.groups), errors.others, errors.count) == (1_000, 500, 1_500)


async def test_a_clean_run_says_nothing(tmp_path: Path) -> None:
    report = await Stream.read([1]).write(JsonLines(tmp_path / "out.jsonl")).arun()
    assert report.errors == ErrorReport()
    assert "failed" not in str(report)
