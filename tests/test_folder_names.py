"""Folders whose names are not valid UTF-8, or look like the address of a remote file system."""

import os
import shutil
from pathlib import Path

import pytest
import soundfile

from aecbench.results import load
from aecbench.simulation import simulate


@pytest.mark.parametrize("name", [os.fsdecode(b"caf\xe9"), "s3:x"])
def test_corpora_results_and_audio_are_written_to_and_read_from_any_folder(aecbench, corpus, name):
    shutil.copytree(corpus.path, name)
    Path(name, "scenes.parquet").unlink()
    copy = simulate(corpus.spec, name)
    outputs = ["--out", f"{name}/results", "--save-audio", f"{name}/a"]
    result = aecbench("eval", "--model", "passthrough", "--corpus", name, "--metric", "erle", "--jobs", 1, *outputs)
    assert result.exit_code == 0, result.stderr
    assert aecbench("eval", "--results", f"{name}/results").exit_code == 0
    assert len(load([Path(name, "results")])) == 1
    audio = next(Path(name, "a").rglob("mic.wav"))
    assert soundfile.info(os.fsencode(audio)).frames > 0
    assert copy.digest == corpus.digest
