"""Corpora on disk: rendered scenes in HDF5 shards, with their truth."""

from aecbench.corpus.format import FORMAT
from aecbench.corpus.read import Corpus, Item, open_corpus
from aecbench.corpus.remix import Remix

__all__ = ["FORMAT", "Corpus", "Item", "Remix", "open_corpus"]
