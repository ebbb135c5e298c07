"""Standard input as lines, standard output as bytes."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rivusio_core import SinkError, SourceError
from rivusio_core.cli.main import main
from rivusio_core.stdio import Output, lines


@pytest.fixture
def ends() -> Iterator[tuple[int, int]]:
    """A pipe: where to read, and where to write."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with contextlib.suppress(OSError):  # the test may have closed it
            os.close(descriptor)


async def all_lines(descriptor: int) -> list[bytes]:
    return [line async for line in lines(anyio.Event(), descriptor)]


@given(st.lists(st.sampled_from([b"a", b"bc", b"\r", b"\n", b"\xff", b"\r\n"]), max_size=30).map(b"".join))
def test_lines_are_what_stands_between_line_ends(data: bytes) -> None:
    expected = [line.removesuffix(b"\r") for line in data.split(b"\n")]
    if data.endswith(b"\n") or not data:
        expected.pop()
    reader, writer = os.pipe()
    try:
        os.write(writer, data)
        os.close(writer)
        assert anyio.run(all_lines, reader) == expected
    finally:
        os.close(reader)


@pytest.mark.anyio
async def test_a_stop_leaves_out_what_was_not_given_yet(ends: tuple[int, int]) -> None:
    reader, writer = ends
    os.write(writer, b"one\ntwo\nthr")
    stop, seen = anyio.Event(), list[bytes]()
    async for line in lines(stop, reader):
        seen.append(line)
        stop.set()
    assert seen == [b"one"]
    assert [line async for line in lines(stop, reader)] == []


@pytest.mark.anyio
async def test_a_stop_ends_the_waiting_for_a_line_and_leaves_out_its_beginning(ends: tuple[int, int]) -> None:
    reader, writer = ends
    os.write(writer, b"one\ntwo")
    stop, seen = anyio.Event(), list[bytes]()

    async def read() -> None:
        async for line in lines(stop, reader):
            seen.append(line)  # what was seen until the stop

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        stop.set()
    assert seen == [b"one"]


@pytest.mark.anyio
async def test_a_stop_before_the_beginning_reads_no_file(tmp_path: Path) -> None:
    (tmp_path / "in").write_bytes(b"one\n")
    stop = anyio.Event()
    stop.set()
    with (tmp_path / "in").open("rb") as file:
        assert [line async for line in lines(stop, file.fileno())] == []
        assert file.read() == b"one\n"


@pytest.mark.anyio
async def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rivusio_core.stdio.LONGEST_LINE", 1 << 20)
    path = tmp_path / "in"
    path.write_bytes(b"one\n" + b"x" * (3 << 20))
    with path.open("rb") as file:
        found = lines(anyio.Event(), file.fileno())
        assert await anext(found) == b"one"
        with pytest.raises(SourceError, match="line 2 is longer than 1 MiB"):
            await anext(found)


@pytest.mark.anyio
async def test_what_cannot_be_read_is_an_error_of_the_source(tmp_path: Path) -> None:
    with (tmp_path / "in").open("wb") as file, pytest.raises(SourceError, match="cannot be read: Bad file descriptor"):
        await all_lines(file.fileno())


def test_without_standard_output_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    record = tmp_path / "run.json"
    record.write_text('{"name": "a", "id": "1", "state": "running"}')
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(SinkError, match="standard output is closed"):
        Output().write(b"x")
    assert main(["explain", str(record)]) == 1
    assert "standard output is closed" in capfd.readouterr().err


def test_without_standard_error_the_command_only_gives_its_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert main(["explain", str(tmp_path / "missing.json")]) == 2
