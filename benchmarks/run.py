"""Compare Rivusio with hand-written loops and with peers, all of them by turns.

    nox -s bench                                        # results equal those of the loops? few items, no times
    nox -s bench -- --full                              # all workloads and peers; writes results, tables and plots
    nox -s bench -- --full --only nexmark               # one suite: W1 to W8 are `benchmarks`, q0 to q22 `nexmark`
    nox -s bench -- --only W1 q5 --rounds 7             # ours and the loops, printed
    nox -s bench -- --only W3 --peers bytewax streamz   # and these peers

`benchmarks/run.py` takes the same words. A peer's environment is made under .cache/bench when it is first asked for.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ours
from compare import Differs, compare, smoke
from environments import PEERS, CannotInstall, environment
from peer import Peer, PeerFailed
from workloads import OWN, SUITES, WORKLOADS

from rivusio_monitoring import MonitoringListener

__all__ = ["main"]

NAMES = [*(suite.name for suite in SUITES), *WORKLOADS]


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=NAMES, metavar="W", help="these, or of these suites"
    )
    parser.add_argument("--peers", nargs="*", choices=PEERS, default=[], metavar="P", help=", ".join(PEERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--smoke", action="store_true", help="compare results on few items and measure nothing")
    parser.add_argument(
        "--full", action="store_true", help="all peers; write the results, tables, plots of whole suites"
    )
    parser.add_argument("--json", type=Path, metavar="FOLDER", help="write the figures there")
    options = parser.parse_args(arguments)
    for suite in SUITES:
        names = [name for name in suite.workloads if {name, suite.name} & set(options.only)]
        if options.smoke:
            _smoke(names)
        elif names:
            results = measure(names, list(PEERS) if options.full else options.peers, options.rounds)
            if options.json:
                _write(results, options.json / suite.results.name)
            if options.full and len(names) == len(suite.workloads):
                import report  # its library is there for full runs only

                _write(results, suite.results)
                report.write(suite, results)


def _write(results: dict[str, Any], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1) + "\n")


def _smoke(names: Sequence[str]) -> None:
    for name in names:
        try:
            smoke(name)
        except Differs as error:
            sys.exit(str(error))
        print(f"{name}  {WORKLOADS[name].title}: the same results as the loop")


def measure(names: Sequence[str], peers: Sequence[str], rounds: int) -> dict[str, Any]:
    """The figures, printed as they come."""
    missing, found = dict[str, str](), dict[str, Any]()
    with ExitStack() as stack:
        started = list[Peer]()
        for name in peers:
            try:
                started.append(stack.enter_context(Peer(name, environment(name))))
            except (CannotInstall, PeerFailed) as error:
                missing[name] = str(error)
                print(f"{name}: {error}")
        watched = {name: run for name, run in ours.runs(MonitoringListener()).items() if name in OWN}
        for name in names:
            try:
                result = compare(name, rounds, started, watched)
            except Differs as error:
                sys.exit(str(error))
            found[name] = result.as_json()
            _print(name, found[name])
        return {
            "machine": _machine(),
            "rounds": rounds,
            "versions": {"rivusio": version("rivusio-core"), **{peer.name: peer.version for peer in started}},
            "notes": {peer.name: peer.contestant.note for peer in started if peer.contestant.note},
            "missing": missing,
            "workloads": found,
        }


def _machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processors": os.cpu_count(),
    }


def _print(name: str, result: dict[str, Any]) -> None:
    print(f"{name}  {result['title']}")
    for who, entry in result["entries"].items():
        waits = f"   p50 {entry['p50']} us, p99 {entry['p99']} us" if "p50" in entry else ""
        print(f"      {who:24}{entry['rate']:>12,} items/s of {entry['items']:,}{waits}")
    for ratio in result["ratios"]:
        print(f"      {ratio['of']} / {ratio['to']}: {ratio['median']:.3f} ({ratio['lowest']} to {ratio['highest']})")
    for who, why in result["cannot"].items():
        print(f"      {who}: {why}")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
