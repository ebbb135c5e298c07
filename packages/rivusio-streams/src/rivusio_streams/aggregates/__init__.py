"""The ready-made aggregators; made by the functions of `rivusio_streams.agg`."""

from rivusio_streams.aggregates.combine import Combine
from rivusio_streams.aggregates.counting import Addable, Count, Mean, Total
from rivusio_streams.aggregates.extremes import Comparable, Maximum, Minimum, Quantile, Top
from rivusio_streams.aggregates.keeping import Collect, Distinct, First, Last

__all__ = [
    "Addable",
    "Collect",
    "Combine",
    "Comparable",
    "Count",
    "Distinct",
    "First",
    "Last",
    "Maximum",
    "Mean",
    "Minimum",
    "Quantile",
    "Top",
    "Total",
]
