"""Measure Rivusio against hand-written loops that call the same functions, and against other libraries.

Every contender is a process of its own, with the libraries it needs in an environment of its own. They take turns,
round by round; what is compared are items a second, as ratios to the loop in the same round, since machines are noisy.
No time counts before the results are equal to those of the loop.

    python benchmarks/run.py                    # Rivusio and the loops, full size
    python benchmarks/run.py --full             # all contenders; makes their environments; results go to the docs
    python benchmarks/run.py --only W1 W3 --peers bytewax streamable --rounds 3 --json results.json
    python benchmarks/run.py --smoke            # does it work at all? few items, no times, nothing is installed
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Self

from environments import REQUIREMENTS, ROOT, interpreter
from report import publish, shown
from workloads import WORKLOADS, Workload

HERE = Path(__file__).parent
OURS = ("loop", "rivusio", "validating_loop")
_SMOKE = 2_000


class Refused(Exception):
    """A contender cannot be measured; says why."""


class Contender:
    """A process that runs the workloads of one contender."""

    def __init__(self, name: str, python: Path) -> None:
        self.name = name
        command = [str(python), str(HERE / "contender.py"), name]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.facts = self._answer()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Refused(f"its process ended with {self._process.wait()}")
        found: dict[str, Any] = json.loads(line)
        return found

    def run(self, workload: str, items: int) -> dict[str, Any]:
        """Seconds, digest and number of results."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"workload": workload, "items": items}) + "\n")
        self._process.stdin.flush()
        answer = self._answer()
        if "error" in answer:
            raise Refused(answer["error"])
        return answer

    def items(self, workload: str, full: int) -> int:
        """How many items it is given: fewer if it is slow."""
        return int(full * self.facts["share"].get(workload, 1))


def measure(name: str, workload: Workload, contenders: Sequence[Contender], rounds: int) -> dict[str, Any]:
    """Rates of all contenders in one workload, and their ratios to the loop.

    Raises:
        SystemExit: Rivusio gives other results than the loop.
    """
    loop = contenders[0]
    ready, refused = list[Contender](), dict[str, str]()
    for each in contenders:
        try:
            if name not in each.facts["runs"]:
                if name in each.facts["cannot"]:
                    refused[each.name] = each.facts["cannot"][name]
                continue
            few = max(each.items(name, workload.items) // 20, 100)
            got, expected = each.run(name, few), loop.run(name, few)
            if got["digest"] != expected["digest"]:
                raise Refused(f"other results than the loop: {got['results']}, not {expected['results']}")
            ready.append(each)
        except Refused as error:
            if each.name in OURS:
                sys.exit(f"{name}: {each.name}: {error}")
            refused[each.name] = str(error)
    rates: dict[str, list[float]] = {each.name: [] for each in ready}
    results = 0
    for _ in range(rounds):
        for each in ready:
            items = each.items(name, workload.items)
            answer = each.run(name, items)
            rates[each.name].append(items / answer["seconds"])
            results = answer["results"] if each is loop else results
    found: dict[str, Any] = {}
    for contender, own in rates.items():
        ratios = sorted(rate / base for rate, base in zip(own, rates[loop.name], strict=True))
        found[contender] = {
            "items": next(each for each in ready if each.name == contender).items(name, workload.items),
            "items_a_second": statistics.median(own),
            "ratio": statistics.median(ratios),
            "lowest": ratios[0],
            "highest": ratios[-1],
        }
    return {
        "title": workload.title,
        "goal": workload.goal,
        "results": results,
        "contenders": found,
        "refused": refused,
    }


def smoke(names: Iterable[str], contenders: Sequence[Contender]) -> None:
    """Compare results on few items.

    Raises:
        SystemExit: they differ.
    """
    loop = contenders[0]
    for name in names:
        expected = loop.run(name, _SMOKE)
        for each in contenders[1:]:
            if name in each.facts["runs"] and each.run(name, _SMOKE)["digest"] != expected["digest"]:
                sys.exit(f"{name}: {each.name} gives other results than the loop")
        print(f"{name}  {WORKLOADS[name].title}: the same results as the loop")


def versions(peers: Iterable[str]) -> dict[str, str]:
    """By peer: the version that was measured."""
    found = dict[str, str]()
    for peer in peers:
        distribution = REQUIREMENTS[peer][0].split("==")[0]
        code = f"import importlib.metadata as m; print(m.version({distribution!r}))"
        done = subprocess.run([interpreter(peer), "-c", code], capture_output=True, text=True, check=True)
        found[peer] = done.stdout.strip()
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=sorted(WORKLOADS), default=sorted(WORKLOADS), metavar="W")
    parser.add_argument("--peers", nargs="+", choices=sorted(REQUIREMENTS), default=[], metavar="NAME")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--full", action="store_true", help="all peers, and write benchmarks/results and docs/benchmarks"
    )
    parser.add_argument("--smoke", action="store_true", help="compare results on few items and measure nothing")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    options = parser.parse_args(arguments)
    peers, missing = sorted(REQUIREMENTS) if options.full else options.peers, dict[str, str]()
    with ExitStack() as stack:
        contenders = [stack.enter_context(Contender(name, Path(sys.executable))) for name in OURS]
        if options.smoke:
            smoke(options.only, contenders)
            return
        for peer in peers:
            print(f"making ready: {peer}", file=sys.stderr)
            try:
                contenders.append(stack.enter_context(Contender(peer, interpreter(peer))))
            except (Refused, RuntimeError) as error:
                missing[peer] = str(error)
        measured = dict[str, Any]()
        for name in options.only:
            measured[name] = measure(name, WORKLOADS[name], contenders, options.rounds)
            print(shown(name, measured[name]), flush=True)
    found = {
        "machine": {"python": platform.python_version(), "system": platform.system(), "machine": platform.machine()},
        "rounds": options.rounds,
        "versions": versions(peer for peer in peers if peer not in missing),
        "missing": missing,
        "workloads": measured,
    }
    if options.json is not None:
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    if options.full:
        publish(found, HERE / "results" / "workloads.json", ROOT / "docs" / "benchmarks")


if __name__ == "__main__":
    main()
