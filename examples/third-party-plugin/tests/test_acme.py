"""Each part alone, then all of them in a run."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from rivusio_acme import Reverse, Totals, Words
from rivusio_acme.plugin import Settings, rivusio_listeners

from rivusio_core import RunInfo, SourceError, Tally
from rivusio_streams import RunConfig, Stream
from rivusio_streams.source import EndOfPartition

TEXT = "to be or not to be"


def test_the_pipe() -> None:
    assert Reverse().run("abc") == "cba"
    assert list(Reverse(upper=True).map(["ab", ""])) == ["BA", ""]


@pytest.mark.parametrize("size", [1, 2, 4, 100])
def test_the_source_goes_on_from_every_position(size: int) -> None:
    source = Words(TEXT)
    for begin in range(7):
        partition = source.open_partition("0", begin)
        assert partition.position() == begin
        assert partition.position() == begin
        read = list[str]()
        while len(read) < 6 - begin:
            read += partition.next_batch(size)
            assert partition.position() == begin + len(read)
        with pytest.raises(EndOfPartition):
            partition.next_batch(size)
        partition.close()
        assert read == TEXT.split()[begin:]


@pytest.mark.parametrize("position", [-1, 7, "3", {"n": 1}])
def test_the_source_refuses_a_foreign_position(position: object) -> None:
    source = Words(TEXT)
    with pytest.raises(SourceError, match="position"):
        source.open_partition("0", position)  # type: ignore[arg-type]


def test_the_listener_logs_or_writes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = RunInfo("run", "1")
    for listener in (Totals(), Totals(tmp_path / "totals.json")):
        listener.step_ran(run, "reverse", Tally(taken=3, given=2), 0.1)
        listener.step_ran(run, "reverse", Tally(taken=1, given=1), 0.1)
        with caplog.at_level(logging.INFO, "rivusio_acme"):
            listener.run_ended(run, None)
    assert caplog.messages == ["run: {'reverse': 3}"]
    assert json.loads((tmp_path / "totals.json").read_text()) == {"reverse": 3}


def test_all_of_it_in_a_run(tmp_path: Path) -> None:
    out = list[str]()
    totals = rivusio_listeners(Settings(totals=tmp_path / "totals.json"))
    assert isinstance(totals, Totals)
    flow = Stream.read(Words(TEXT)).through(Reverse(upper=True)).write(out)
    flow.run(RunConfig(listeners=[totals]))
    assert out == ["OT", "EB", "RO", "TON", "OT", "EB"]
    assert totals.given["Reverse"] == 6
    assert json.loads((tmp_path / "totals.json").read_text()) == totals.given
