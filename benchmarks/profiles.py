"""Where the time of our own workloads goes, step by step.

python benchmarks/profiles.py W3 W6 q5
"""

from __future__ import annotations

import argparse
from itertools import chain

import ours
from workloads import NEXMARK, WORKLOADS

from rivusio_core import Profile, Profiler

__all__ = ["profile_of"]

STREAMS = ("W3", "W5 stream", "W6", "W8", *NEXMARK)
"""Those that are flows; pipelines under `map` take another way when they are profiled."""


def profile_of(name: str, items: int) -> Profile:
    """The profile of one run."""
    profiler = Profiler()
    ours.runs(profiler)[name].call(items)
    return profiler.profile()


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workloads", nargs="*", default=STREAMS, help=f"of {', '.join(STREAMS)}")
    for name in parser.parse_args().workloads:
        workload = WORKLOADS[name.split()[0]]
        profile_of(name, workload.items // 10)  # what is compiled is compiled
        lines = profile_of(name, workload.items).lines()
        print("\n".join(chain([f"{name} {workload.title}"], lines, [""])))


if __name__ == "__main__":
    main()
