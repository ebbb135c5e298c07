"""Measure Rivusio against hand-written loops that call the same functions.

The two are run by turns in one process and compared as ratios, since machines are noisy; results have to be equal
before a time counts.

    python benchmarks/run.py                    # full size, five rounds
    python benchmarks/run.py --only W1 W3 --json results.json
    python benchmarks/run.py --smoke            # does it work at all? no times
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from workloads import WORKLOADS, Workload


def timed(call: Callable[[int], list[Any]], items: int) -> float:
    """Seconds of one call."""
    gc.collect()
    began = time.perf_counter()
    call(items)
    return time.perf_counter() - began


def compare(workload: Workload, items: int) -> None:
    """Refuse to measure what does not give the same.

    Raises:
        SystemExit: the results differ.
    """
    expected, got = workload.loop(items), workload.rivusio(items)
    if sorted(expected) != sorted(got):
        sys.exit(f"{workload.title}: Rivusio gives {len(got)} results that differ from the {len(expected)} of the loop")


def measure(workload: Workload, rounds: int) -> dict[str, object]:
    """Both, by turns; the ratio is above 1 where Rivusio is faster."""
    compare(workload, max(workload.items // 100, 100))
    pairs = [(timed(workload.loop, workload.items), timed(workload.rivusio, workload.items)) for _ in range(rounds)]
    ratios = sorted(loop / rivusio for loop, rivusio in pairs)
    return {
        "title": workload.title,
        "items": workload.items,
        "loop_seconds": statistics.median(loop for loop, _ in pairs),
        "rivusio_seconds": statistics.median(rivusio for _, rivusio in pairs),
        "ratio": statistics.median(ratios),
        "ratio_lowest": ratios[0],
        "ratio_highest": ratios[-1],
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(WORKLOADS), default=sorted(WORKLOADS), metavar="W")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="compare results on few items and measure nothing")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    if options.smoke:
        for name in options.only:
            compare(WORKLOADS[name], max(WORKLOADS[name].items // 100, 100))
            print(f"{name}  {WORKLOADS[name].title}: the same results as the loop")
        return
    results = dict[str, dict[str, object]]()
    print(f"{'':4}{'workload':28}{'items':>10}{'loop s':>9}{'rivusio s':>11}{'ratio':>8}   spread")
    for name in options.only:
        found = results[name] = measure(WORKLOADS[name], options.rounds)
        print(
            f"{name:4}{found['title']:28}{found['items']:>10,}{found['loop_seconds']:>9.3f}"
            f"{found['rivusio_seconds']:>11.3f}{found['ratio']:>8.2f}   "
            f"{found['ratio_lowest']:.2f} to {found['ratio_highest']:.2f}"
        )
    if options.json is not None:
        machine = {"python": platform.python_version(), "machine": platform.machine()}
        options.json.write_text(json.dumps({"machine": machine, "workloads": results}, indent=2) + "\n")


if __name__ == "__main__":
    main()
