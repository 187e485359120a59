"""Results: rows of scores with their provenance, statistics of them, and output formats."""

from aecbench.results.clusters import SOURCES
from aecbench.results.columns import RTF, Column, column, columns_of, heading, lower_is_better, summarised
from aecbench.results.estimates import Summary
from aecbench.results.folder import add, check, join, load, table_name
from aecbench.results.formats import FORMATS, HALF, cell, difference_cell, lost_cell, result_json, wide
from aecbench.results.groups import ROW_COLUMNS
from aecbench.results.lost import CEILING, LOST, LOST_RULE, MARK, Lost, LostRule
from aecbench.results.standings import Standing, standings
from aecbench.results.statistics import Difference, Interval, difference, holm, interval
from aecbench.results.table import ROWS, ResultTable

__all__ = [
    "CEILING",
    "FORMATS",
    "HALF",
    "LOST",
    "LOST_RULE",
    "MARK",
    "ROWS",
    "ROW_COLUMNS",
    "RTF",
    "SOURCES",
    "Column",
    "Difference",
    "Interval",
    "Lost",
    "LostRule",
    "ResultTable",
    "Standing",
    "Summary",
    "add",
    "cell",
    "check",
    "column",
    "columns_of",
    "difference",
    "difference_cell",
    "heading",
    "holm",
    "interval",
    "join",
    "load",
    "lost_cell",
    "lower_is_better",
    "result_json",
    "standings",
    "summarised",
    "table_name",
    "wide",
]
