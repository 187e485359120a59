"""Other people's folders: corpora made of them, and of corpora folders that other people's code reads."""

from aecbench.corpus.layouts import aec_challenge, wav
from aecbench.corpus.layouts.base import Found, Layout, Problem, Take
from aecbench.corpus.layouts.build import REPORT, Imported, build
from aecbench.corpus.layouts.croissant import write_croissant
from aecbench.corpus.layouts.export import export

__all__ = [
    "LAYOUTS",
    "REPORT",
    "Found",
    "Imported",
    "Layout",
    "Problem",
    "Take",
    "build",
    "export",
    "write_croissant",
]

LAYOUTS: dict[str, Layout] = {
    "aec-challenge": Layout(aec_challenge.find, aec_challenge.write),
    "wav": Layout(wav.find, wav.write),
}
