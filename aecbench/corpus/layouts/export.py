"""A corpus as a folder in a layout, described by croissant.json."""

from pathlib import Path

from aecbench.corpus.layouts.base import Layout
from aecbench.corpus.layouts.croissant import write_croissant
from aecbench.corpus.read import Corpus
from aecbench.errors import OutputError
from aecbench.output import new_folder

__all__ = ["export"]


def export(corpus: Corpus, layout: Layout, out: Path) -> Path:
    """Write a corpus, or what was chosen of it, into the new or empty folder `out`; croissant.json comes last.

    Raises OutputError where the folder is not empty or cannot be written, CorpusError where the corpus is damaged.
    """
    new_folder(out)
    try:
        if any(out.iterdir()):
            raise OutputError(f"{out}: is not empty; choose another place with --out, or remove it")
        written = layout.write(corpus, out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error}); free space or choose another place") from None
    return write_croissant(corpus, written, out)
