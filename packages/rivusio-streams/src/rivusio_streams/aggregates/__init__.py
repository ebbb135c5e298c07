"""The ready-made aggregators; most are made by the functions of `rivusio_streams.agg`."""

from rivusio_streams.aggregates.approximate import ApproximateDistinct, ApproximateQuantile
from rivusio_streams.aggregates.combine import Combine
from rivusio_streams.aggregates.counting import Addable, Count, Mean, Total
from rivusio_streams.aggregates.extremes import Comparable, Maximum, Minimum, Quantile, Top
from rivusio_streams.aggregates.fold import Fold, Reduce
from rivusio_streams.aggregates.keeping import Collect, Distinct, First, Last

__all__ = [
    "Addable",
    "ApproximateDistinct",
    "ApproximateQuantile",
    "Collect",
    "Combine",
    "Comparable",
    "Count",
    "Distinct",
    "First",
    "Fold",
    "Last",
    "Maximum",
    "Mean",
    "Minimum",
    "Quantile",
    "Reduce",
    "Top",
    "Total",
]
