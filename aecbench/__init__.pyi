from aecbench._version import __version__ as __version__
from aecbench.cancellers.base import Canceller as Canceller
from aecbench.cancellers.base import Explains as Explains
from aecbench.cancellers.base import Streaming as Streaming
from aecbench.cancellers.tunable import tunable as tunable
from aecbench.corpus import Corpus as Corpus
from aecbench.corpus import Item as Item
from aecbench.corpus import Remix as Remix
from aecbench.corpus import open_corpus as load_corpus
from aecbench.costs import Cost as Cost
from aecbench.costs import cost as cost
from aecbench.demonstration import Demo as Demo
from aecbench.demonstration import demo as demo
from aecbench.errors import AecbenchError as AecbenchError
from aecbench.evaluation import evaluate as evaluate
from aecbench.metrics import METRICS as METRICS
from aecbench.metrics import Metric as Metric
from aecbench.metrics import Score as Score
from aecbench.metrics import score as score
from aecbench.recipe import read_recipe as read_recipe
from aecbench.results import ResultTable as ResultTable
from aecbench.scenes.draw import draw as draw
from aecbench.scenes.render import render as render
from aecbench.signals import Signals as Signals
from aecbench.signals import Talk as Talk
from aecbench.simulation import simulate as simulate
from aecbench.systems import System as System
from aecbench.systems import load_system as load_system
from aecbench.training import Trained as Trained
from aecbench.training import train as train
from aecbench.training.collate import collate as collate
from aecbench.tuning import Tuned as Tuned
from aecbench.tuning import tune as tune

__all__ = [
    "METRICS",
    "AecbenchError",
    "Canceller",
    "Corpus",
    "Cost",
    "Demo",
    "Explains",
    "Item",
    "Metric",
    "Remix",
    "ResultTable",
    "Score",
    "Signals",
    "Streaming",
    "System",
    "Talk",
    "Trained",
    "Tuned",
    "__version__",
    "collate",
    "cost",
    "demo",
    "draw",
    "evaluate",
    "load_corpus",
    "load_system",
    "read_recipe",
    "render",
    "score",
    "simulate",
    "train",
    "tunable",
    "tune",
]
