import csv
import hashlib
import os
import pickle
import re
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from aecbench.dsp import audio
from aecbench.errors import AudioError, SourceError, UnknownName
from aecbench.scenes import files
from aecbench.scenes.files import SPLITS, open_collection, open_folder, open_manifest, partition, shape

names = st.lists(st.text(max_size=8), unique=True, max_size=60)


def by_folder(paths):
    return [path.parent.name for path in paths]


def tone(path: Path, seconds: float = 0.1, rate: int = 8000, channels: int = 1, pitch: float = 440.0) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    x = 0.5 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * rate)) / rate)
    soundfile.write(path, np.tile(x[:, None], (1, channels)), rate, subtype="FLOAT" if path.suffix == ".wav" else None)
    return path


def write_csv(path: Path, *rows: dict[str, str]) -> str:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return str(path)


@given(names)
def test_every_name_is_in_exactly_one_split(given_names):
    assert sorted(name for split in SPLITS for name in partition(given_names, split)) == sorted(given_names)


@given(names, st.randoms(use_true_random=False))
def test_the_order_of_names_does_not_change_the_splits(given_names, random):
    shuffled = random.sample(given_names, len(given_names))
    for split in SPLITS:
        assert partition(shuffled, split) == partition(given_names, split)


@given(names)
def test_test_and_val_get_their_shares_but_at_least_two(given_names):
    n = len(given_names)
    test = min(n, max(2, round(0.2 * n)))
    assert len(partition(given_names, "test")) == test
    assert len(partition(given_names, "val")) == min(n - test, max(2, round(0.1 * n)))


def test_an_unknown_split_is_named():
    with pytest.raises(UnknownName, match="did you mean 'train'"):
        partition(["a"], "trian")


def test_folder_lists_audio_of_all_depths_and_nothing_else(tmp_path):
    for name in ("a/1.wav", "a/b/2.FLAC", "c/3.ogg", ".hidden/4.wav", "c/._3.wav"):
        tone(tmp_path / name)
    (tmp_path / "manifest.csv").write_text("not,a,manifest\n")
    (tmp_path / "a" / "notes.txt").write_text("notes")
    assert list(open_folder(str(tmp_path), "speaker", by_folder).entries) == ["a/1.wav", "a/b/2.FLAC", "c/3.ogg"]


def test_a_file_name_that_no_json_can_hold_is_refused(tmp_path):
    try:
        (tmp_path / os.fsdecode(b"caf\xe9.wav")).touch()
    except OSError:
        pytest.skip("this file system takes only valid names")
    with pytest.raises(SourceError, match="is not valid UTF-8"):
        open_folder(str(tmp_path), "speaker", by_folder)


def test_folder_without_audio_is_named(tmp_path):
    with pytest.raises(SourceError, match=f"{tmp_path}: contains no audio"):
        open_folder(str(tmp_path), "speaker", by_folder)


@pytest.mark.parametrize("source", ["", "nowhere", "nowhere/manifest.csv"])
def test_a_source_that_does_not_exist_is_refused(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=f"noise source '{source}': does not exist"):
        shape(source, "noise")


def test_a_single_audio_file_is_no_source(tmp_path):
    with pytest.raises(SourceError, match=r"neither a folder nor a \.csv"):
        shape(str(tone(tmp_path / "a.wav")), "noise")


def test_manifest_takes_only_the_rows_of_its_kind(tmp_path):
    for name in "abc":
        tone(tmp_path / f"{name}.wav")
    source = write_csv(
        tmp_path / "m.csv",
        {"file": "a.wav", "kind": "speech"},
        {"file": "b.wav", "kind": "noise"},
        {"file": "missing.wav", "kind": "loudspeaker_ir"},
    )
    assert list(open_collection(source, "noise", "recording", by_folder).entries) == ["b.wav"]


@pytest.mark.parametrize("kinds", [{}, {"kind": ""}, {"kind": "noise"}])
def test_manifest_rows_without_a_kind_are_used(tmp_path, kinds):
    for name in "ab":
        tone(tmp_path / f"{name}.wav")
    source = write_csv(tmp_path / "m.csv", {"file": "a.wav"} | kinds, {"file": "b.wav"} | dict.fromkeys(kinds, ""))
    assert list(open_collection(source, "noise", "recording", by_folder).entries) == ["a.wav", "b.wav"]


def test_tied_groups_stay_on_their_side_and_the_others_are_divided(tmp_path):
    rows = []
    for group in range(12):
        tone(tmp_path / f"{group}.wav")
        rows.append({"file": f"{group}.wav", "speaker": f"s{group}", "split": "train" if group < 5 else ""})
    found = open_manifest(write_csv(tmp_path / "m.csv", *rows), "speech", "speaker", by_folder)
    free = [f"s{group}" for group in range(5, 12)]
    assert found.split("test") == partition(free, "test")
    assert found.split("train") == tuple(sorted([*partition(free, "train"), *(f"s{group}" for group in range(5))]))


def test_a_group_for_all_splits_serves_each_of_them(tmp_path):
    rows = [{"file": f"{n}.wav", "recording": f"r{n}", "split": "all" if n == 0 else "val"} for n in range(2)]
    for row in rows:
        tone(tmp_path / row["file"])
    found = open_manifest(write_csv(tmp_path / "m.csv", *rows), "noise", "recording", by_folder)
    assert {split: found.split(split) for split in SPLITS} == {"train": ("r0",), "val": ("r0", "r1"), "test": ("r0",)}


def test_files_without_a_group_share_one_in_each_split(tmp_path):
    rows = []
    for index, split in enumerate(("train", "train", "", "")):
        tone(tmp_path / f"{index}.wav")
        rows.append({"file": f"{index}.wav", "speaker": "", "split": split})
    found = open_manifest(write_csv(tmp_path / "m.csv", *rows), "speech", "speaker", lambda paths: [""] * len(paths))
    assert found.groups == {"unlabelled": ("2.wav", "3.wav"), "unlabelled-train": ("0.wav", "1.wav")}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,kind\na.wav,noise\n", "has no column 'file'"),
        ("", "has no column 'file'"),
        ("file,kind\na.wav,speech\n", "lists no files of kind 'noise'"),
        ("file,kind\na.wav\n", "line 2: has a different number of fields"),
        ("file,kind\na.wav,noise,loud\n", "line 2: has a different number of fields"),
        ("file,kind\n,noise\n", "line 2: names no file"),
        ("file\na.wav\ngone.wav\n", "1 of 2 files are missing, such as gone.wav"),
        ("file\na.wav\na.wav\n", "line 3: lists a.wav again"),
        ("file,split\na.wav,dev\n", "line 2: unknown split 'dev'"),
        ("file,sha256\na.wav,123\n", "line 2: sha256 '123' is not 64"),
        ("file,recording,split\na.wav,x,train\nb.wav,x,test\n", "recording 'x' is in splits test and train"),
        ('file\n"a.wav\n', "cannot be read as CSV"),
        ("file\n\xff\xfe", "cannot be read as CSV"),
    ],
)
def test_a_bad_manifest_is_told_in_one_line(text, message, tmp_path):
    for name in "ab":
        tone(tmp_path / f"{name}.wav")
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(text.encode("latin-1"))
    with pytest.raises(SourceError, match=message) as caught:
        open_collection(str(manifest), "noise", "recording", by_folder)
    assert "\n" not in str(caught.value)
    assert str(manifest) in str(caught.value)


@pytest.mark.parametrize("again", ["./a.wav", "below/../a.wav", "{folder}/a.wav", "link.wav", "below/link.wav"])
def test_a_file_is_listed_once_however_its_path_is_written(again, tmp_path):
    tone(tmp_path / "a.wav")
    tone(tmp_path / "below" / "b.wav")
    (tmp_path / "link.wav").symlink_to("a.wav")
    (tmp_path / "below" / "link.wav").symlink_to(tmp_path / "link.wav")
    again = again.format(folder=tmp_path)
    rows = [
        {"file": name, "split": split} for name, split in (("a.wav", "train"), ("below/b.wav", ""), (again, "test"))
    ]
    source = write_csv(tmp_path / "m.csv", *rows)
    message = f"{source}, line 4: {again} is the file that line 2 lists as a.wav; keep one of the rows"
    for kind in ("speech", "noise", "rir"):
        with pytest.raises(SourceError, match=f"^{re.escape(message)}$"):
            open_collection(source, kind, "recording", by_folder)


def test_copies_hard_links_and_rows_of_another_kind_are_files_of_their_own(tmp_path):
    for name in ("a.wav", "copy.wav"):
        tone(tmp_path / name)
    (tmp_path / "hard.wav").hardlink_to(tmp_path / "a.wav")
    rows = [("a.wav", "noise"), ("copy.wav", "noise"), ("hard.wav", "noise"), ("./a.wav", "speech")]
    source = write_csv(tmp_path / "m.csv", *({"file": name, "kind": kind} for name, kind in rows))
    found = open_collection(source, "noise", "recording", by_folder)
    assert list(found.entries) == ["a.wav", "copy.wav", "hard.wav"]


def test_a_split_with_too_few_groups_says_how_many_there_are_and_how_many_it_takes(tmp_path):
    for name in "abc":
        tone(tmp_path / name / "1.wav")
    found = open_folder(str(tmp_path), "speaker", by_folder)
    says = r"3 speaker\(s\) found, 0 of them in split 'train'.* with 5 speakers or more .*says 'all' where"
    with pytest.raises(SourceError, match=says):
        found.split("train")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is a text", "is not audio"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n", "is a Git LFS pointer"),
        (b"", "is an empty file"),
    ],
)
def test_what_is_no_audio_is_found_by_every_way_in(content, message, tmp_path):
    (tmp_path / "bad.wav").write_bytes(content)
    found = open_folder(str(tmp_path), "recording", by_folder)
    for look in (lambda: found.load("bad.wav", 8000), lambda: found.seconds("bad.wav"), lambda: found.fingerprint):
        with pytest.raises(AudioError, match=rf"bad\.wav: {message}"):
            look()


def test_fingerprint_depends_on_content_and_group_but_not_on_place(tmp_path):
    def fingerprint(folder, group="x", pitch=440.0):
        tone(tmp_path / folder / group / "1.wav", pitch=pitch)
        return open_folder(str(tmp_path / folder), "speaker", by_folder).fingerprint

    first = fingerprint("one")
    assert fingerprint("two") == first
    assert fingerprint("three", pitch=441.0) != first
    assert fingerprint("four", group="y") != first


def test_fingerprint_trusts_the_sha256_of_the_manifest(tmp_path):
    path = tone(tmp_path / "1.wav")
    right = {"file": "1.wav", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    hashed = open_collection(write_csv(tmp_path / "a.csv", {"file": "1.wav"}), "noise", "recording", by_folder)
    stated = open_collection(write_csv(tmp_path / "b.csv", right), "noise", "recording", by_folder)
    path.write_bytes(b"changed")
    assert stated.fingerprint != ""
    with pytest.raises(AudioError, match="is not audio"):
        str(hashed.fingerprint)


def test_a_file_that_is_not_what_its_manifest_says_is_refused(tmp_path):
    tone(tmp_path / "1.wav")
    source = write_csv(tmp_path / "m.csv", {"file": "1.wav", "sha256": "0" * 64})
    with pytest.raises(AudioError, match=r"1\.wav: differs from the sha256"):
        open_collection(source, "noise", "recording", by_folder).load("1.wav", 8000)


def test_a_file_that_changes_after_it_was_read_is_refused(tmp_path):
    path = tone(tmp_path / "1.wav")
    row = {"file": "1.wav", "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    collection = open_collection(write_csv(tmp_path / "m.csv", row), "noise", "recording", by_folder)
    collection.load("1.wav", 8000)
    tone(path, pitch=300)
    with pytest.raises(AudioError, match=r"1\.wav: differs from the sha256"):
        collection.load("1.wav", 8000)


def test_load_takes_the_first_channel_and_resamples(tmp_path):
    tone(tmp_path / "1.wav", seconds=0.5, rate=44_100, channels=2)
    x, stored = open_folder(str(tmp_path), "recording", by_folder).load("1.wav", 16_000)
    assert (x.shape, x.dtype, stored) == ((8000,), np.float32, 44_100)
    middle = 0.5 * np.sin(2 * np.pi * 440 * np.arange(8000) / 16_000)
    np.testing.assert_allclose(x[2000:6000], middle[2000:6000], atol=1e-4)


def test_a_file_that_was_written_anew_is_read_anew(tmp_path):
    found = open_folder(str(tone(tmp_path / "1.wav").parent), "recording", by_folder)
    before, _ = found.load("1.wav", 8000)
    tone(tmp_path / "1.wav", seconds=0.2)
    assert found.load("1.wav", 8000)[0].size == 2 * before.size


def test_what_was_loaded_cannot_be_changed(tmp_path):
    x, _ = open_folder(str(tone(tmp_path / "1.wav").parent), "recording", by_folder).load("1.wav", 8000)
    with pytest.raises(ValueError, match="read-only"):
        x *= 2


def test_seconds_are_those_of_the_audio(tmp_path):
    tone(tmp_path / "1.ogg", seconds=0.75)
    assert open_folder(str(tmp_path), "recording", by_folder).seconds("1.ogg") == 0.75


def test_a_key_of_another_source_is_refused(tmp_path):
    found = open_folder(str(tone(tmp_path / "1.wav").parent), "recording", by_folder)
    with pytest.raises(SourceError, match=r"has no file 'other\.wav'"):
        found.load("other.wav", 8000)
    with pytest.raises(SourceError, match="has no recording 'x'"):
        found.of("x")


def test_a_collection_survives_pickling(tmp_path):
    found = open_folder(str(tone(tmp_path / "a/1.wav").parent.parent), "recording", by_folder)
    again = pickle.loads(pickle.dumps(found))
    assert (again.groups, again.fingerprint) == (found.groups, found.fingerprint)


def test_a_relative_source_is_found_from_another_working_directory(tmp_path, monkeypatch):
    tone(tmp_path / "a" / "1.wav")
    monkeypatch.chdir(tmp_path)
    found = open_folder("a", "recording", by_folder)
    monkeypatch.chdir(tmp_path.parent)
    assert found.load("1.wav", 8000)[0].size == 800


@pytest.mark.parametrize("name", ["1.wav", "1.flac", "1.ogg"])
def test_a_part_of_a_file_is_that_part_of_the_whole(name, tmp_path):
    found = open_folder(str(tone(tmp_path / name, seconds=3.0).parent), "recording", by_folder)
    whole, _ = found.load(name, 8000)
    part, _ = found.load(name, 8000, 1.25, 0.5)
    np.testing.assert_allclose(part, whole[10_000:14_000], atol=1e-6)


def test_a_part_that_reaches_beyond_the_end_is_what_there_is(tmp_path):
    found = open_folder(str(tone(tmp_path / "1.wav", seconds=1.0).parent), "recording", by_folder)
    assert found.load("1.wav", 8000, 0.75, 0.5)[0].size == 2000


@pytest.mark.parametrize("suffix", ["flac", "wav", "au"])
def test_a_file_of_unknown_length_is_as_long_as_it_is(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=8000), 8000, subtype="PCM_16")
    source = open_folder(str(tmp_path), "recording", by_folder)
    expected = source.load(path.name, 8000, 0.25, 0.5)[0]
    data = bytearray(path.read_bytes())
    if suffix == "flac":
        data[21:26] = bytes([data[21] & 0xF0]) + bytes(4)
    else:
        place = 8 if suffix == "au" else data.index(b"data") + 4
        data[place : place + 4] = b"\xff" * 4
    path.write_bytes(data)
    os.utime(path, ns=(1, 1))  # another file to the caches
    assert source.seconds(path.name) == 1.0
    np.testing.assert_array_equal(source.load(path.name, 8000, 0.25, 0.5)[0], expected)


@pytest.mark.parametrize("suffix", ["flac", "wav", "mp3"])
def test_a_file_that_is_cut_off_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, 0.1 * np.random.default_rng(0).normal(size=16_000), 8000)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    source = open_folder(str(tmp_path), "recording", by_folder)
    with pytest.raises(AudioError, match=f"a.{suffix}: ends "):
        source.load(path.name, 8000)


@pytest.mark.parametrize("kept", [0, 2**20])
@pytest.mark.parametrize("place", [(0.0, None), (0.0, 0.3), (1.25001, 0.5), (2.9, 0.5), (0.5, None)])
def test_a_part_is_the_same_whether_files_are_kept_or_not(place, kept, tmp_path, monkeypatch):
    monkeypatch.setattr(files, "KEPT", kept)
    path = tone(tmp_path / "1.flac", seconds=3.0, channels=2)
    part, stored = open_folder(str(tmp_path), "recording", by_folder).load("1.flac", 8000, *place)
    expected, rate = audio.read(path, mix=True, start=place[0], seconds=place[1])
    assert (stored, part.dtype) == (rate, np.float32)
    np.testing.assert_array_equal(part, expected)


def test_a_small_collection_is_decoded_once(tmp_path, monkeypatch):
    path, decoded = tone(tmp_path / "1.flac", seconds=3.0), []
    monkeypatch.setattr(audio, "samples", lambda *args, samples=audio.samples: decoded.append(path) or samples(*args))
    found = open_folder(str(tmp_path), "recording", by_folder)
    for start in (0.5, 1.0, 1.5):
        found.load("1.flac", 8000, start, 1.0)
    assert decoded == [path]
