"""Results: rows of scores with their provenance, what can be said of them, and the formats to say it in."""

from aecbench.results.cache import Cache
from aecbench.results.columns import RTF, Column, column, columns_of, heading, lower_is_better
from aecbench.results.folder import ROWS, add, check
from aecbench.results.formats import FORMATS, MARK, cell, difference_cell, result_json, wide
from aecbench.results.groups import SCORES
from aecbench.results.statistics import Difference, Interval, difference, holm, mean_interval
from aecbench.results.table import DESTROYED, ResultTable

__all__ = [
    "DESTROYED",
    "FORMATS",
    "MARK",
    "ROWS",
    "RTF",
    "SCORES",
    "Cache",
    "Column",
    "Difference",
    "Interval",
    "ResultTable",
    "add",
    "cell",
    "check",
    "column",
    "columns_of",
    "difference",
    "difference_cell",
    "heading",
    "holm",
    "lower_is_better",
    "mean_interval",
    "result_json",
    "wide",
]
