"""A corpus as WAV files and back."""

import json
import subprocess
import sys

import numpy as np
import pytest
from scipy.io import wavfile

from aecbench.corpus import open_corpus
from aecbench.corpus.layouts import LAYOUTS, build, export
from aecbench.errors import OutputError, SourceError

WAV = LAYOUTS["wav"]


@pytest.fixture
def exported(corpus, tmp_path):
    export(corpus, WAV, tmp_path / "out")
    return tmp_path / "out"


def test_everything_comes_back(corpus, exported, tmp_path):
    back = build(WAV, exported, tmp_path / "back")
    assert back.problems == []
    assert back.corpus.digest == corpus.digest
    for there, here in zip(back.corpus.split("test"), corpus.split("test"), strict=True):
        assert there.scene == here.scene
        np.testing.assert_array_equal(np.stack(there.signals), np.stack(here.signals))
        np.testing.assert_array_equal(there.rir, here.rir)


def test_a_sample_times_scale_is_the_signal(corpus, exported):
    first = json.loads((exported / "scenes.jsonl").read_text().splitlines()[0])
    _, x = wavfile.read(exported / "val" / "000000_echo.wav")
    assert x.dtype == np.int16
    np.testing.assert_array_equal(x * np.float32(first["scale"]), corpus[0].signals.echo)


def test_a_stem_that_does_not_add_up_is_told(exported, tmp_path):
    rate, x = wavfile.read(exported / "test" / "000002_near.wav")
    x = x.copy()
    x[100] += 1
    wavfile.write(exported / "test" / "000002_near.wav", rate, x)
    done = build(WAV, exported, tmp_path / "back")
    assert [(problem.file, problem.kept) for problem in done.problems] == [("test/000002_mic.wav", False)]
    assert "is not the sum of near, echo and noise" in done.problems[0].problem
    assert len(done.corpus) == 7


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{}", "holds no scene"),
        ("no json", "holds no scene"),
        ('{"scene": {"kind": "recording"}, "scale": 1, "t20": null}', "holds no scene"),
    ],
)
def test_a_line_that_is_no_scene_is_told(exported, tmp_path, line, problem):
    lines = (exported / "scenes.jsonl").read_text().splitlines()
    (exported / "scenes.jsonl").write_text("\n".join([*lines, line]))
    done = build(WAV, exported, tmp_path / "back")
    assert problem in done.problems[0].problem
    assert len(done.corpus) == 8


def test_an_id_that_leads_out_of_the_folder_is_refused(exported, tmp_path):
    text = (exported / "scenes.jsonl").read_text().replace("toy-v1/test/000001", "toy-v1/test/../../000001")
    (exported / "scenes.jsonl").write_text(text)
    done = build(WAV, exported, tmp_path / "back")
    assert "is not corpus/split/name" in done.problems[0].problem


def test_a_folder_without_scenes_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"scenes\.jsonl: cannot be read"):
        build(WAV, tmp_path, tmp_path / "back")


def test_a_folder_with_something_in_it_is_not_written_to(corpus, tmp_path):
    (tmp_path / "note.txt").write_text("mine")
    with pytest.raises(OutputError, match="is not empty"):
        export(corpus, WAV, tmp_path)


def test_export_and_import_from_the_command_line(aecbench, corpus, tmp_path):
    result = aecbench("export", corpus.path, "--format", "wav", "--out", "out", "--split", "test")
    assert result.exit_code == 0
    assert result.stdout.strip() == "out/croissant.json"
    assert aecbench("import", "wav", "out", "--out", "back", "--jobs", 1).exit_code == 0
    assert open_corpus(tmp_path / "back").scenes["sha256"].tolist() == corpus.split("test").scenes["sha256"].tolist()


# Reading the description as its users do; in another process, for the library's own warnings
READ = """
import json, sys, warnings
warnings.simplefilter("ignore")
import mlcroissant
data = mlcroissant.Dataset(sys.argv[1])
rows = list(data.records("scenes"))
problems = data.metadata.issues.errors
print(json.dumps([sorted(map(str, problems)), len(rows), sorted(map(str, rows[0]))]))
"""


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_croissant_is_valid_and_gives_a_record_for_every_scene(corpus, tmp_path, layout):
    path = export(corpus, LAYOUTS[layout], tmp_path / "out")
    done = subprocess.run([sys.executable, "-c", READ, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    problems, rows, fields = json.loads(done.stdout)
    assert problems == []
    assert rows == len(corpus)
    assert {"scenes/scene", "scenes/split", "scenes/ser", "scenes/scale"} <= set(fields)


def test_croissant_finds_every_audio_file(corpus, tmp_path):
    path = export(corpus, WAV, tmp_path / "out")
    sets = [item for item in json.loads(path.read_text())["distribution"] if item["@type"] == "cr:FileSet"]
    found = [file for item in sets for file in path.parent.glob(item["includes"])]
    assert sorted(found) == sorted(path.parent.rglob("*.wav"))
