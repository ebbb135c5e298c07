"""A peer in a process of its own, with an environment of its own: `python worker.py NAME`, JSON lines in and out.

`{"workload": "W1", "items": 1000}` is answered with `{"seconds": ..., "digest": ..., "latency": ...}`, or with
`{"error": ...}`; the first line says what the peer is, what it cannot do and why. What the peer prints goes to
standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from contestant import Contestant, time_run
from data import prepare

__all__ = ["main"]


def main(name: str) -> None:
    """The command."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)

    def answer(content: dict[str, Any]) -> None:
        print(json.dumps(content), file=answers)

    module = importlib.import_module(f"peers.{name}")
    peer = Contestant.of(module)
    said = {"cannot": peer.cannot, "remarks": peer.remarks, "note": peer.note}
    answer({"runs": list(peer.runs), **said, "version": version(module.DISTRIBUTION)})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            items = asked["items"]
            prepare(asked["workload"], items)
            answer(asdict(time_run(peer.runs[asked["workload"]], items)))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is told
            traceback.print_exc()
            answer({"error": f"{type(error).__name__}: {error}"})


if __name__ == "__main__":
    main(sys.argv[1])
