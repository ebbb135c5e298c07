"""Runs one contender, told what to do by lines of JSON: `python benchmarks/contender.py NAME`, in its environment."""

from __future__ import annotations

import gc
import hashlib
import importlib
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))
_OUT = sys.stdout
sys.stdout = sys.stderr  # what a library prints is no answer

from inputs import INPUTS


def digest(results: list[Any]) -> str:
    """Equal for the same results, in whatever order."""
    return hashlib.sha256("\n".join(sorted(map(repr, results))).encode()).hexdigest()[:16]


def run(contender: Any, workload: str, items: int) -> dict[str, object]:
    """Seconds of one run, and what came of it."""
    if workload in INPUTS:
        INPUTS[workload](items)
    call = contender.RUNS[workload]
    gc.collect()
    began = time.perf_counter()
    results = call(items)
    seconds = time.perf_counter() - began
    plain = getattr(contender, "plain", None)
    shown = list(results) if plain is None else [plain(result) for result in results]
    return {"seconds": seconds, "digest": digest(shown), "results": len(shown)}


def main() -> None:
    """Answer until there are no more lines."""
    contender = importlib.import_module(f"contenders.{sys.argv[1]}")
    facts = {
        "runs": sorted(contender.RUNS),
        "share": getattr(contender, "SHARE", {}),
        "cannot": getattr(contender, "CANNOT", {}),
    }
    print(json.dumps(facts), file=_OUT, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            answer = run(contender, asked["workload"], asked["items"])
        except Exception as error:  # a contender that fails is told of, and the others go on
            answer = {"error": f"{type(error).__name__}: {error}"[:300]}
        print(json.dumps(answer), file=_OUT, flush=True)


if __name__ == "__main__":
    main()
