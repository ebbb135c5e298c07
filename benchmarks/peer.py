"""The near end of a worker."""

from __future__ import annotations

import json
import subprocess
import threading
from pathlib import Path
from types import TracebackType
from typing import Any

from contestant import Contestant, Run, Timing
from workloads import WORKLOADS

__all__ = ["Peer", "PeerFailed"]

PATIENCE = 120.0
"""Seconds that an answer may take."""


class PeerFailed(Exception):
    """With what the peer said last."""


class Peer:
    """A peer in its process, open until left.

    Raises:
        PeerFailed: it does not start, ended, took too long, raised, or has no word on a workload.
    """

    def __init__(self, name: str, python: Path) -> None:
        here = Path(__file__).parent
        self._said = python.parents[1] / "stderr.txt"
        self._process = subprocess.Popen(
            [python, "worker.py", name],
            cwd=here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said.open("w"),
            text=True,
        )
        hello = self._answer()
        self.name, self.version = name, str(hello["version"])
        said = (hello[each] for each in ("cannot", "remarks", "note"))
        self.contestant = Contestant(name, dict.fromkeys(hello["runs"], Run(lambda _: [])), *said)
        silent = [each for each in WORKLOADS if each not in hello["runs"] and each not in hello["cannot"]]
        if silent:
            raise PeerFailed(f"says neither how nor why not: {', '.join(silent)}")

    def time(self, workload: str, items: int) -> Timing:
        """Run once, there."""
        assert self._process.stdin is not None
        try:
            print(json.dumps({"workload": workload, "items": items}), file=self._process.stdin, flush=True)
        except BrokenPipeError:
            raise PeerFailed(self._last_words()) from None
        answer = self._answer()
        if "error" in answer:
            raise PeerFailed(answer["error"])
        latency = answer["latency"]
        return Timing(answer["seconds"], answer["digest"], None if latency is None else (latency[0], latency[1]))

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        timer = threading.Timer(PATIENCE, self._process.kill)
        timer.start()
        try:
            line = self._process.stdout.readline()
        finally:
            timer.cancel()
        if not line:
            raise PeerFailed(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        code = self._process.wait()
        lines = self._said.read_text(errors="replace").strip().splitlines()
        return f"ended with {code}: {lines[-1] if lines else 'without a word'}"

    def __enter__(self) -> Peer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
