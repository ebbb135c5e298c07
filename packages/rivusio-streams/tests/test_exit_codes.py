"""How a flow run by the command ends, its exit code, and that the next run goes on as if nothing had been."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals, limits the size of files")

SHOP = """
import os, resource, sys, time
import anyio
from rivusio_streams import JsonLines, Partition, Position, Sink, Source, Stream

class Numbers(Source[int], Partition[int]):
    bounded, replay = False, "seekable"
    def __init__(self, at=0):
        self.at = at
    def open_partition(self, partition, position):
        return Numbers(position or 0)
    def next_batch(self, maximum):
        time.sleep(0.001)
        self.at += 1
        return [self.at - 1]
    def position(self):
        return self.at

class Nowhere(Sink[object]):
    def write(self, batch):
        pass

def tell(number):
    if number == int(os.environ["TELL"]):
        print("working", flush=True)
    return number

async def hang(number):
    if number == 20:
        print("hanging", flush=True)
        await anyio.sleep_forever()
    return number

def fill(kept, number):
    if len(kept) == 10:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
    return [*kept, number]

told = Stream.read(Numbers()).map(tell)
fine = told.write(JsonLines("out.jsonl")).named("numbers")
hanging = told.map(hang).write(JsonLines("out.jsonl")).named("numbers")
growing = Stream.read(Numbers()).key_by(lambda n: 0).scan([], fill).write(Nowhere()).named("growing")
"""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    (tmp_path / "shop.py").write_text(SHOP)
    return tmp_path


def started(shop: Path, flow: str, tell: int, *settings: str) -> subprocess.Popen[str]:
    parts = [f"--set={each}" for each in ("checkpoint=kept/", "every=10ms", *settings)]
    return subprocess.Popen(
        [sys.executable, "-m", "rivusio_core", "run", f"shop.py:{flow}", *parts],
        cwd=shop,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "TELL": str(tell)},
    )


def signalled(process: subprocess.Popen[str], word: str, *signals: signal.Signals) -> tuple[int, str]:
    """Wait for a word, send signals, each understood before the next, and give the code and what was told."""
    told = ""
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == f"{word}\n"
        for number in signals:
            process.send_signal(number)
            while not told.rstrip().endswith("the next signal breaks off"):
                line = process.stderr.readline()
                assert line, told
                told += line
        told += process.communicate(timeout=50)[1]
    return process.returncode, told


def assert_goes_on(shop: Path, tell: int) -> None:
    """Another run, stopped cleanly: from the first number on none is missing, and none is there twice."""
    assert signalled(started(shop, "fine", tell), "working", signal.SIGTERM)[0] == 0
    found = [int(line) for line in (shop / "out.jsonl").read_text().splitlines()]
    assert found == [*range(len(found))]
    assert len(found) > tell


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_stops_cleanly_with_0(shop: Path, number: signal.Signals) -> None:
    """Promise: SIGTERM, SIGINT: everything that was read is written, and the next run goes on behind it."""
    code, told = signalled(started(shop, "fine", 20), "working", number)
    assert code == 0, told
    assert_goes_on(shop, 60)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_the_second_signal_breaks_off_with_75_and_counts(shop: Path, number: signal.Signals) -> None:
    """Promise: SIGTERM, SIGINT: what hangs is not waited for but told, and nothing is lost."""
    code, told = signalled(started(shop, "hanging", -1), "hanging", number, number)
    assert code == 75, told
    assert "nothing more was acknowledged; what was left: " in told
    assert_goes_on(shop, 60)


def test_a_stop_that_takes_too_long_ends_with_75_and_counts(shop: Path) -> None:
    """Promise: SIGTERM, SIGINT: beyond `drain_timeout`, what was left is told and nothing is lost."""
    code, told = signalled(started(shop, "hanging", -1, "drain_timeout=100ms"), "hanging", signal.SIGTERM)
    assert code == 75, told
    assert "stopping took longer than drain_timeout=100ms" in told
    assert_goes_on(shop, 60)


def test_a_full_disk_ends_with_74_after_three_failures(shop: Path) -> None:
    """Promise: full disk: checkpoints fail whole, and the one before them stays to go on from."""
    with started(shop, "growing", -1) as process:
        told = process.communicate(timeout=50)[1]
    assert process.returncode == 74, told
    assert told.count("nothing is acknowledged, and the next checkpoint is to have it all") == 2
    assert "File too large" in told
    assert "and the next run goes on from there" in told
    listed = subprocess.run(
        [sys.executable, "-m", "rivusio_core", "checkpoints", "list", "shop.py:growing", "--set=checkpoint=kept/"],
        cwd=shop,
        check=True,
        capture_output=True,
        text=True,
    )
    assert "damaged" not in listed.stdout
    assert len(listed.stdout.splitlines()) > 1
