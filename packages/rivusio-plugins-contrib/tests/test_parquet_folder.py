"""Folders of Parquet files: every row is there once, whatever happens; looked at with pyarrow itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from contract import check_failed_run, check_sink
from contrib_models import Order, orders
from pydantic import JsonValue

from rivusio_core import GuaranteeError, SinkError, SourceError
from rivusio_plugins_contrib.files import Parquet
from rivusio_streams import RunConfig, Stream
from rivusio_streams.checkpoint import FolderStore
from rivusio_streams.flow import Flow
from rivusio_streams.testing import crash_check


def out(place: Path) -> str:
    return f"{place / 'out'}/"


def flow(place: Path) -> Flow:
    return (
        Stream.read(orders(9))
        .key_by(lambda each: each.id % 2)
        .scan(0, lambda total, each: total + each.id + 1)
        .map(lambda each: Order(id=each[1], user=f"u{each[0]}"))
        .write(Parquet(out(place), Order))
    )


def stored(place: Path) -> list[Any]:
    """What a program sees that reads all Parquet files of the folder."""
    files = sorted(each for each in (place / "out").glob("*.parquet") if each.name[0] not in "._")
    return [(each["id"], each["user"]) for file in files for each in pq.read_table(file).to_pylist()]


def read(place: Path) -> list[Order]:
    found: list[Order] = []
    Stream.read(Parquet(out(place), Order)).write(found).run()
    return sorted(found, key=lambda each: each.id)  # files are read side by side


def test_every_row_is_there_once_whatever_happens() -> None:
    report = crash_check(flow, stored)
    assert (report.lost, report.duplicated) == (0, 0)
    # Two for most operations: some runs do a few less than the one that was counted, so the last are not reached.
    assert report.crashes > 1.5 * report.operations


def test_so_it_is_after_two_crashes() -> None:
    report = crash_check(flow, stored, kinds=("after",), pairs=31)
    assert (report.lost, report.duplicated) == (0, 0)


def test_a_lost_checkpoint_costs_nothing() -> None:
    """The one before it is used: files of later ones are removed, and made again."""

    class Lossy(FolderStore):
        def put(self, name: str, data: bytes) -> None:
            if not name.startswith("000000000002"):
                super().put(name, data)

    report = crash_check(flow, stored, store=lambda place: Lossy(place / "checkpoints"), kinds=("after",))
    assert (report.lost, report.duplicated) == (0, 0)


class Forgetful(Parquet[Order]):
    """Throws away what was staged, though a checkpoint has it."""

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        super().recover(owner, [])


class Eager(Parquet[Order]):
    """Publishes before there is a checkpoint, under a name that the next run does not take for its own."""

    def recover(self, owner: str, tokens: Sequence[JsonValue]) -> None:
        super().open()

    def stage(self) -> JsonValue:
        self.publish(super().stage())
        return None


@pytest.mark.parametrize(("kind", "told"), [(Forgetful, "lost"), (Eager, "too much")])
def test_unsound_protocols_are_caught(kind: type[Parquet[Order]], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        crash_check(lambda place: Stream.read(orders(9)).write(kind(out(place), Order)), stored)


def test_a_file_is_refused_in_a_run_with_checkpoints(tmp_path: Path) -> None:
    """Gone on with, it would lose what was written before the crash."""
    path = tmp_path / "a.parquet"
    flow = Stream.read(orders(3)).write(Parquet(path, Order)).named("file")
    with pytest.raises(GuaranteeError, match=r"writes its target anew in each run.*; write to a folder or a table"):
        flow.run(RunConfig(checkpoint=FolderStore(tmp_path / "checkpoints")))
    assert not path.exists()
    flow.run()
    assert pq.read_table(path).num_rows == 3


def test_without_checkpoints_each_run_adds_a_file(tmp_path: Path) -> None:
    for count in (2, 3):
        Stream.read(orders(count)).write(Parquet(out(tmp_path), Order)).run()
    assert [each.id for each in read(tmp_path)] == [0, 0, 1, 1, 2]
    assert len([*(tmp_path / "out").iterdir()]) == 2


def test_it_keeps_the_contract_of_sinks(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    check_sink(Parquet(out(tmp_path), Order), orders(9), lambda: read(tmp_path))
    there = sorted((tmp_path / "out").iterdir())
    check_failed_run(Parquet(out(tmp_path), Order), orders(1)[0], lambda: read(tmp_path), orders(9))
    assert sorted((tmp_path / "out").iterdir()) == there


def test_owners_and_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "_SUCCESS.parquet").write_text("of another tool")
    sinks = [Parquet(out(tmp_path), Order) for _ in range(2)]
    for owner, sink in zip("ab", sinks, strict=True):
        sink.open()
        sink.recover(owner, [])
        sink.write(orders(2))
        sink.publish(sink.stage())
        sink.close()
    again = Parquet(out(tmp_path), Order)
    again.open()
    again.recover("a", [])  # begins anew
    again.close()
    assert read(tmp_path) == orders(2)
    assert (tmp_path / "out" / "_SUCCESS.parquet").exists()


def test_many_files_are_read_in_order_and_from_any_position(tmp_path: Path) -> None:
    sink = Parquet(out(tmp_path), Order)
    sink.open()
    sink.recover("a", [])
    for each in orders(12):
        sink.write([each])
        token = sink.stage()
        sink.publish(token)
        sink.publish(token)
    sink.close()
    names = sink.partitions()
    assert len(names) == 12
    assert names == sorted(names)
    for name, each in zip(names, orders(12), strict=True):
        partition = sink.open_partition(name, None)
        assert partition.next_batch(9) == [each]
        partition.close()
    assert read(tmp_path) == orders(12)
    with pytest.raises(SourceError, match="no file of this folder"):
        sink.open_partition("../a.parquet", None)


def test_lost_and_foreign_tokens_are_told(tmp_path: Path) -> None:
    sink = Parquet(out(tmp_path), Order)
    sink.open()
    sink.recover("a", [])
    sink.write(orders(2))
    token = sink.stage()
    for each in (tmp_path / "out").iterdir():
        each.unlink()
    with pytest.raises(SinkError, match="is missing, which the last checkpoint has"):
        sink.publish(token)
    for wrong in ("x", {"part": 1}, {"part": 1, "staged": "../../etc"}, {"part": True, "staged": ""}):
        with pytest.raises(SinkError, match="is no token of this folder"):
            sink.publish(wrong)  # type: ignore[arg-type]  # what a damaged checkpoint may hold
    sink.close()


def test_where_it_cannot_be_is_told(tmp_path: Path) -> None:
    with pytest.raises(SinkError, match="its folder must exist"):
        Stream.read(orders(1)).write(Parquet(f"{tmp_path}/no/out/", Order)).run()
    with pytest.raises(SourceError, match="No such file or directory; check the path"):
        Stream.read(Parquet(out(tmp_path), Order)).write([]).run()


def test_it_is_a_value() -> None:
    assert Parquet("a/", Order) == Parquet("a/", Order)
    assert Parquet("a/", Order) != Parquet("a", Order)
    assert repr(Parquet("a/", Order)) == "Parquet('a/', Order)"
