"""The model card: what it says of weights and data."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from aecbench.config import read_toml
from aecbench.training import export
from aecbench.training.attribution import data_name, sources

ROW = {"kind": "epoch", "step": 9, "epoch": 1, "loss": 0.5, "val_loss": 0.25, "erle": 20.0}


@pytest.fixture
def training(tmp_path):
    """What training leaves in a folder."""
    folder = tmp_path / "training"
    (folder / "best").mkdir(parents=True)
    (folder / "best" / "w.safetensors").write_bytes(b"weights")
    (folder / "best" / "card.toml").write_text(
        'canceller = "toy"\nsummary = "toy, trained"\nweights = "w.safetensors"\nsha256 = "0"\n'
        "[parameters]\nsample_rate = 16000\n"
        "[origin]\nprocesses = 1\n"
        'train = [{name = "c", digest = "1", scenes = 4}, {name = "d", digest = "2", scenes = 6}]\n'
        'val = [{name = "c", digest = "1", scenes = 2}]\nsettings = {val_scenes = 1}\n'
        "reached = {epoch = 1, step = 9, val_loss = 0.25, erle = 20.0}\n"
    )
    (folder / "log.jsonl").write_text(json.dumps(ROW) + "\n")
    return folder


def corpus(**spec):
    return SimpleNamespace(path=Path("corpora/c"), info={"spec": {"name": "c", **spec}})


def card(training, *corpora, **options):
    """README.md of what is exported."""
    return (export(training, training / "out", corpora, **options) / "README.md").read_text()


def test_licences_and_authors_of_the_recordings_are_named(training):
    text = card(training, corpus(speech={"source": "open-speech-v1"}, noise={"source": "open-speech-v1"}))
    for words in ("CC BY 4.0, 176 files: LibriSpeech (c) 2014 Vassil Panayotov", "ESC-10 by K. J. Pi"):
        assert words in text
    licence = read_toml(training / "out" / "card.toml")["origin"]["licence"]
    assert licence["weights"] == "not chosen"
    assert {"CC BY 3.0", "CC BY 4.0", "CC0 1.0"} <= set(licence["data"])


def test_nobody_but_the_author_chooses_a_licence(training):
    text = card(training)
    assert "Weights: not chosen." in text
    assert "MIT" not in text


@pytest.mark.parametrize(
    ("sources", "name"),
    [
        ({"speech": {"source": "open-speech-v1"}, "noise": {"source": "open-speech-v1"}}, "speech-v1"),
        ({"speech": {"source": "/home/me/voices"}, "noise": {"source": "open-speech-v1"}}, "other sources of speech"),
        ({"speech": {"source": "/a/b.csv"}, "noise": {"source": "/c"}}, "other sources of speech and noise"),
    ],
)
def test_the_name_of_a_recipe_stands_for_its_own_sources_only(sources, name):
    room = {"source": "simulated"}
    found = data_name(corpus(**{**sources, "name": "speech-v1", "room": room}))
    assert found.endswith(name)
    assert (found == "speech-v1") == (name == "speech-v1")


def test_a_recipe_of_the_user_keeps_its_name():
    assert data_name(corpus(name="ours", speech={"source": "/home/me/voices"})) == "ours"


def test_every_corpus_is_named_with_its_scenes_and_digest(training):
    text = card(training)
    for words in (
        "Trained on 4 scenes of `c`, digest `1`",
        "Trained on 6 scenes of `d`",
        "Validated on 2 scenes of `c`",
    ):
        assert words in text


def test_a_licence_can_be_given(training):
    assert "Weights: CC BY-NC 4.0." in card(training, licence="CC BY-NC 4.0")


def test_a_manifest_tells_licences_and_owners_but_not_where_it_lies(training, tmp_path):
    manifest = tmp_path / "mine.csv"
    manifest.write_text(
        "file,kind,licence,attribution\na.wav,speech,CC0,Ada\nb.wav,speech,CC BY 4.0,Bob; Set\n"
        "c.wav,,CC BY 4.0,Cyd; Set\nd.wav,rir,ODbL,Dan\n"
    )
    text = card(training, corpus(speech={"source": str(manifest)}, room={"source": str(manifest)}))
    for words in ("speech: `mine.csv`", "CC0, 1 file: Ada", "CC BY 4.0, 2 files: Set; Bob; Cyd", "ODbL, 1 file: Dan"):
        assert words in text
    assert str(tmp_path) not in text


def test_of_sources_without_known_terms_the_name_is_told_and_not_the_place(training):
    given = ("/somebody/here/speech", "/nowhere/list.csv")
    text = card(training, *(corpus(speech={"source": source}) for source in given), corpus(imported="recordings"))
    for name in ("speech: `speech`", "speech: `list.csv`", "audio: `recordings`"):
        assert f"{name}, whose licence has to be looked up there." in text
    assert "/somebody" not in text
    assert "/nowhere" not in text


def test_simulated_rooms_and_synthetic_talkers_owe_nobody_anything():
    made = corpus(speech={"source": "espeak"}, room={"source": "simulated"}, noise={"source": None})
    assert [line for source in sources([made, made]) for line in source.lines()] == [
        "- speech: synthesised with eSpeak NG."
    ]


def test_the_picture_of_the_curve_goes_along_where_there_is_one(training):
    assert "curve.png" not in card(training)
    (training / "curve.png").write_bytes(b"picture")
    assert "](curve.png)" in card(training)
    assert (training / "out" / "curve.png").read_bytes() == b"picture"
