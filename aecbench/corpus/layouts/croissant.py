"""croissant.json: what an exported folder holds, in the vocabulary of machine-learning data sets.

Croissant Format Specification 1.0, MLCommons, 2024 (docs.mlcommons.org/croissant/docs/croissant-spec.html).
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from aecbench._version import __version__
from aecbench.corpus.layouts.base import Written
from aecbench.corpus.read import Corpus
from aecbench.output import whole_file

__all__ = ["CROISSANT", "write_croissant"]

CROISSANT = "croissant.json"
CONTEXT = {  # of the specification: the short names and what they stand for
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    **{
        name: f"cr:{name}"
        for name in (
            "citeAs", "column", "equivalentProperty", "extract", "field", "fileObject", "fileProperty", "fileSet",
            "format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet",
            "references", "regex", "repeated", "replace", "samplingRate", "separator", "source", "subField",
            "transform",
        )
    },
}  # fmt: skip


def write_croissant(corpus: Corpus, written: Written, out: Path) -> Path:
    """Describe an exported folder in its croissant.json; every row of its table is a record. Raises OutputError."""
    path = out / CROISSANT
    with whole_file(path) as part:
        part.write_text(json.dumps(_description(corpus, written), indent=1), encoding="utf-8")
    return path


def _description(corpus: Corpus, written: Written) -> dict[str, Any]:
    table = pd.read_csv(written.table)
    rates = ", ".join(f"{rate} Hz" for rate in sorted({int(rate) for rate in corpus.scenes["rate"]}))
    return {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": corpus.info["spec"]["name"],
        "description": (
            f"Recordings for acoustic echo cancellation: {len(corpus)} scenes, {corpus.hours:.2f} h at {rates}. "
            f"Exported by aecbench {__version__} from the corpus with the id {corpus.id} and the digest "
            f"{corpus.digest}. mic is the sum of near, echo and noise; a sample of 16 bits times scale is the signal."
        ),
        "distribution": [
            {
                "@type": "cr:FileObject",
                "@id": written.table.name,
                "name": written.table.name,
                "contentUrl": written.table.name,
                "encodingFormat": "text/csv",
                "sha256": hashlib.sha256(written.table.read_bytes()).hexdigest(),
            },
            *(
                {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": "audio/wav", "includes": glob}
                for name, glob in written.audio.items()
            ),
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "scenes",
                "name": "scenes",
                "field": [_field(str(name), table[name], written) for name in table],
            }
        ],
    }


def _field(name: str, values: "pd.Series[Any]", written: Written) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"scenes/{name}",
        "name": name,
        "description": written.columns.get(name, name),
        "dataType": _type(values),
        "source": {"fileObject": {"@id": written.table.name}, "extract": {"column": name}},
    }


def _type(values: "pd.Series[Any]") -> str:
    """Text where nothing is known; whole numbers with gaps are read as float."""
    types: Mapping[str, str] = {"i": "sc:Integer", "f": "sc:Float", "b": "sc:Boolean"}
    return types.get(values.dtype.kind, "sc:Text") if values.notna().any() else "sc:Text"
