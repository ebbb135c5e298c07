"""Watches the memory of a child process from outside while it works."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import psutil
from memory_verdict import MIB, Sample

__all__ = ["Watched", "watch"]

_EVERY = 0.05
"""Seconds between samples. What comes and goes faster is not seen."""
_LINE = 10.0
"""Seconds between lines of progress."""


@dataclass(frozen=True)
class Watched:
    """A child process that came to its end.

    Attributes:
        samples: in order of time, from its first item on.
        outcome: the JSON object that it printed last.
        seconds: that it took.
    """

    samples: Sequence[Sample]
    outcome: dict[str, Any]  # whatever the program says
    seconds: float


class _Said:
    """What a child prints: how many items it has dealt with, line by line, and last a JSON object."""

    def __init__(self, output: IO[str]) -> None:
        self.items = 0
        self.last = ""
        self._output = output
        self.thread = threading.Thread(target=self._read, daemon=True)
        self.thread.start()

    def _read(self) -> None:
        for line in self._output:
            if line.startswith("{"):
                self.last = line
            else:
                self.items = int(line)


def watch(program: Path, *arguments: str, name: str = "", limit: float = 1_800) -> Watched:
    """Run a Python program to its end, and sample what it holds in memory.

    Args:
        program: prints the number of items it has dealt with, a line each time, and last a JSON object.
        arguments: for it.
        name: for lines of progress on standard error; empty: there are none.
        limit: seconds it may take.

    Raises:
        RuntimeError: it failed, or took longer.
    """
    begun = time.monotonic()
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(each for each in sys.path if each)}
    command = [sys.executable, str(program), *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None  # asked for
        said, samples, next_line = _Said(child.stdout), list[Sample](), begun + _LINE
        try:
            process = psutil.Process(child.pid)
            while child.poll() is None:
                now = time.monotonic()
                if now - begun > limit:
                    raise RuntimeError(f"{program.name}: not through after {limit:.0f} s, at {said.items:,} items")
                # A process that has ended and was not waited for holds nothing: no sample.
                items, resident = said.items, _resident(process)
                if items and resident:
                    samples.append(Sample(items, resident))
                if name and now >= next_line:
                    next_line += _LINE
                    line = f"{name}: {items:,} items, {resident / MIB:.1f} MiB, {now - begun:.0f} s"
                    print(line, file=sys.stderr, flush=True)
                time.sleep(_EVERY)
        except BaseException:
            child.kill()
            raise
        said.thread.join()
    if child.returncode or not said.last:
        raise RuntimeError(f"{program.name} ended with {child.returncode}")
    return Watched(samples, json.loads(said.last), time.monotonic() - begun)


def _resident(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
