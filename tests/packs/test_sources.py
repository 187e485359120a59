import csv
import io
import re
from collections import Counter

import numpy as np
import pytest
import soundfile

from aecbench.assets import find, names
from aecbench.errors import SourceError, UnknownName
from aecbench.packs import fetch, read_pack
from aecbench.packs.archives import ArchivePack
from aecbench.packs.files import FilePack
from aecbench.scenes.files import SPLITS
from aecbench.scenes.noise import open_noise
from aecbench.scenes.speech import open_speech


def wav(seed: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.random.default_rng(seed).uniform(-0.5, 0.5, 800), 8000, format="WAV")
    return out.getvalue()


SPEECH = {f"speech/{speaker}.wav": wav(i) for i, speaker in enumerate("abcdefg")}
NOISE = {f"noise/{recording}.wav": wav(10 + i) for i, recording in enumerate("tuvwxyz")}


def facts(file: str) -> dict[str, str]:
    kind, name = file.removesuffix(".wav").split("/")
    return {"kind": kind, "speaker": f"speaker-{name}" if kind == "speech" else ""}


@pytest.fixture
def pack(write_pack, cache):
    """The folder of a pack of speech and noise."""
    write_pack("toy-v1", SPEECH | NOISE, facts)
    return cache / "toy-v1"


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with the files of the pack, and others."""
    folder = tmp_path / "data"
    for file, content in (SPEECH | NOISE | {"speech/other.wav": wav(99)}).items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    (folder / "manifest.csv").write_text("not the list of the pack")
    return folder


def test_a_pack_is_a_speech_source(pack):
    fetch("toy-v1")
    source = open_speech("toy-v1")
    assert sorted(s for split in SPLITS for s in source.speakers(split)) == [f"speaker-{name}" for name in "abcdefg"]
    assert source.load("speaker-a", "speech/a.wav", 8000).shape == (800,)


def test_a_pack_is_a_noise_source(pack):
    fetch("toy-v1")
    source = open_noise("toy-v1")
    assert sorted(file for split in SPLITS for file in source.files(split)) == sorted(NOISE)
    assert source.load("noise/t.wav", 8000, 0.0, 800).shape == (800,)


@pytest.mark.parametrize("open_source", [open_speech, open_noise])
def test_where_a_pack_lies_does_not_change_what_it_is(pack, data, monkeypatch, open_source):
    fetch("toy-v1")
    cached = open_source("toy-v1").fingerprint
    monkeypatch.setenv("AECBENCH_DATA", str(data))
    pack.rename(pack.with_name("gone"))
    assert open_source("toy-v1").fingerprint == cached


@pytest.mark.parametrize("open_source", [open_speech, open_noise])
def test_a_pack_that_is_not_here_says_how_to_get_it(pack, open_source):
    with pytest.raises(SourceError, match="run: aecbench fetch toy-v1, or set AECBENCH_DATA"):
        open_source("toy-v1")


def test_a_pack_without_sound_of_a_kind_is_no_source_of_it(write_pack):
    write_pack("talk", SPEECH, facts)
    fetch("talk")
    with pytest.raises(SourceError, match="lists no files of kind 'noise'"):
        open_noise("talk")


def test_a_pack_goes_before_a_folder_of_its_name(pack, tmp_path, monkeypatch):
    fetch("toy-v1")
    (tmp_path / "toy-v1").mkdir()
    monkeypatch.chdir(tmp_path)
    assert len(open_noise("toy-v1").collection.entries) == len(NOISE)


@pytest.mark.parametrize("open_source", [open_speech, open_noise])
def test_a_misspelt_pack_gets_advice(pack, open_source):
    with pytest.raises(UnknownName, match="source 'toy-v2': did you mean 'toy-v1'"):
        open_source("toy-v2")


def test_fetch_prints_where_the_pack_is(pack, aecbench):
    result = aecbench("fetch", "toy-v1")
    assert (result.exit_code, result.output) == (0, f"{pack}\n")


def test_fetch_with_data_uses_the_files_there(pack, data, aecbench, web):
    result = aecbench("fetch", "toy-v1", "--data", data)
    assert (result.exit_code, result.output) == (0, f"{data}\n")
    assert web.names() == []


@pytest.mark.parametrize(("name", "code", "words"), [("toy-v1", 1, "404"), ("toy-v3", 2, "did you mean 'toy-v1'?")])
def test_fetch_fails_in_one_line(pack, aecbench, web, name, code, words):
    web.files.clear()
    result = aecbench("fetch", name)
    assert result.exit_code == code
    assert not result.stdout
    assert len(result.stderr.splitlines()) == 1
    assert words in result.stderr


def test_list_says_which_packs_are_here(pack, aecbench):
    assert "7 speech and 7 noise files" in aecbench("list", "packs").stdout
    assert "aecbench fetch toy-v1" in aecbench("list", "packs").stdout
    fetch("toy-v1")
    assert "aecbench fetch toy-v1" not in aecbench("list", "packs").stdout


def test_help_of_fetch_has_an_example(aecbench):
    assert "aecbench fetch open-speech-v1" in aecbench("fetch", "--help").stdout


def test_open_speech_has_176_speakers_and_90_noises():
    with find("packs", "open-speech-v1").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["kind"] for row in rows) == {"speech": 176, "noise": 90}
    assert len({row["speaker"] for row in rows if row["kind"] == "speech"}) == 176
    for row in rows:
        assert row["url"].startswith("https://")
        assert row["attribution"]
        assert row["licence"].startswith(("CC0", "CC BY", "Public Domain"))


def test_shipped_packs_can_be_read():
    assert isinstance(pack := read_pack("open-speech-v1"), FilePack)
    assert len(pack.files) == 266
    assert isinstance(pack := read_pack("librispeech"), ArchivePack)
    assert [archive.split for archive in pack.listed.archives] == ["train", "val", "test"]
    assert {archive.remote.url.partition("/resources/")[0] for archive in pack.listed.archives} == {
        "https://www.openslr.org"
    }


@pytest.mark.parametrize("name", names("packs"))
def test_every_file_of_a_shipped_pack_has_an_address_a_hash_and_a_size(name):
    pack = read_pack(name)
    files = [archive.remote for archive in pack.listed.archives] if isinstance(pack, ArchivePack) else pack.files
    for remote in files:
        assert remote.url.startswith("https://")
        assert re.fullmatch(r"md5:[0-9a-f]{32}|sha256:[0-9a-f]{64}", remote.hash)
        assert remote.bytes >= 1
    assert files
