import csv
import gzip
import hashlib
import io
import tarfile

import numpy as np
import pytest
import soundfile

from aecbench.errors import ConfigError, SourceError
from aecbench.packs import fetch, is_fetched
from aecbench.scenes.speech import open_speech

SPLITS = {"many": "train", "few": "val", "some": "test"}  # by archive


def flac(seed: int) -> bytes:
    out = io.BytesIO()
    soundfile.write(out, np.random.default_rng(seed).uniform(-0.5, 0.5, 800), 8000, format="FLAC")
    return out.getvalue()


def file(name: str, content: bytes = b"") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    return member, content


def special(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, bytes]:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = kind, target
    return member, b""


def tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for member, content in members:
            archive.addfile(member, io.BytesIO(content))
    return gzip.compress(out.getvalue(), mtime=0)  # the same bytes a second later


def speech(archive: str) -> bytes:
    """Two speakers with two utterances each, and a text."""
    number = 10 * list(SPLITS).index(archive)
    names = [f"Toy/{archive}/{number + speaker}/7/{number + speaker}-7-{i}.flac" for speaker in (1, 2) for i in (0, 1)]
    files = [file(name, flac(number + i)) for i, name in enumerate(names)]
    return tar(special(f"Toy/{archive}", tarfile.DIRTYPE), *files, file(f"Toy/{archive}/README.TXT", b"text"))


@pytest.fixture
def write_archives(web, packs):
    """Writes a TOML pack of archives, which the server then has."""

    def write(**archives: bytes) -> None:
        lines = ['title = "toys"', 'homepage = "h"', 'licence = "CC0"', 'attribution = "a"']
        for name, content in archives.items():
            web.files[f"{name}.tar.gz"] = content
            lines += [
                "[[archives]]",
                f'url = "{web.url}/{name}.tar.gz"',
                f'md5 = "{hashlib.md5(content).hexdigest()}"',
                f"bytes = {len(content)}",
                f'folder = "Toy/{name}"',
                f'split = "{SPLITS[name]}"',
            ]
        (packs / "toys.toml").write_text("\n".join(lines))

    return write


@pytest.fixture
def toys(write_archives, cache):
    """The folder of a pack of three archives."""
    write_archives(**{name: speech(name) for name in SPLITS})
    return cache / "toys"


def test_archives_are_unpacked_and_removed(toys, tree):
    place = fetch("toys")
    assert place == (toys / "manifest.csv", toys)
    assert sorted(tree(toys)) == sorted(
        ["manifest.csv"]
        + [
            f"Toy/{name}/{n}/7/{n}-7-{i}.flac"
            for name, speakers in {"many": (1, 2), "few": (11, 12), "some": (21, 22)}.items()
            for n in speakers
            for i in (0, 1)
        ]
    )


def test_the_manifest_says_speaker_split_and_content_of_every_file(toys):
    fetch("toys")
    with (toys / "manifest.csv").open() as manifest:
        rows = {row["file"]: row for row in csv.DictReader(manifest)}
    assert len(rows) == 12
    assert rows["Toy/few/12/7/12-7-1.flac"] == {
        "file": "Toy/few/12/7/12-7-1.flac",
        "kind": "speech",
        "speaker": "12",
        "split": "val",
        "sha256": hashlib.sha256(flac(13)).hexdigest(),
    }


def test_it_is_a_speech_source_with_an_archive_for_each_split(toys):
    fetch("toys")
    source = open_speech("toys")
    assert {split: source.speakers(split) for split in ("train", "val", "test")} == {
        "train": ("1", "2"),
        "val": ("11", "12"),
        "test": ("21", "22"),
    }
    assert source.load("1", "Toy/many/1/7/1-7-0.flac", 8000).shape == (800,)


def test_what_is_unpacked_is_not_asked_for_again(toys, web):
    fetch("toys")
    web.asked.clear()
    fetch("toys")
    assert web.names() == []


def test_after_an_interruption_only_the_missing_archive_is_asked_for(toys, web):
    missing = web.files.pop("some.tar.gz")
    with pytest.raises(SourceError):
        fetch("toys")
    assert not is_fetched("toys")
    have = {path.name for path in toys.glob("*.tar.gz")}
    web.files["some.tar.gz"] = missing
    web.asked.clear()
    fetch("toys")
    assert set(web.names()) == {f"{name}.tar.gz" for name in SPLITS} - have
    assert is_fetched("toys")


def test_an_archive_that_was_unpacked_before_an_interruption_is_not_asked_for_again(write_archives, toys, web):
    write_archives(many=speech("many"), few=speech("few"), some=tar(file("../x.flac")))
    with pytest.raises(SourceError):
        fetch("toys")
    write_archives(many=speech("many"), few=speech("few"), some=speech("some"))
    web.asked.clear()
    fetch("toys")
    assert web.names() == ["some.tar.gz"]


def test_a_wrong_md5_is_refused_before_anything_is_unpacked(toys, web, tree):
    web.files["few.tar.gz"] = speech("some")
    with pytest.raises(SourceError, match=r"few\.tar\.gz: what it sends is not the file that the pack lists"):
        fetch("toys")
    assert tree(toys).keys() <= {"many.tar.gz", "some.tar.gz"}


def test_archives_in_the_data_folder_are_used_and_left_there(toys, web, tmp_path, monkeypatch):
    data = tmp_path / "data"
    data.mkdir()
    for name in ("many", "some"):
        (data / f"{name}.tar.gz").write_bytes(speech(name))
    monkeypatch.setenv("AECBENCH_DATA", str(data))
    fetch("toys")
    assert web.names() == ["few.tar.gz"]
    assert sorted(path.name for path in data.iterdir()) == ["many.tar.gz", "some.tar.gz"]


def test_a_damaged_archive_in_the_data_folder_is_named(toys, web, tmp_path):
    (tmp_path / "few.tar.gz").write_bytes(b"few")
    with pytest.raises(SourceError, match=r"few\.tar\.gz: differs from the md5 of pack toys"):
        fetch("toys", tmp_path)
    assert web.names() == []


EVIL = {
    "parent": file("../evil.flac", b"x"),
    "parent below": file("Toy/many/../../../evil.flac", b"x"),
    "absolute": file("ROOT/evil.flac", b"x"),
    "Windows parent": file(r"Toy\..\..\evil.flac", b"x"),
    "Windows drive": file("C:evil.flac", b"x"),
    "Windows absolute": file(r"\evil.flac", b"x"),
    "link": special("Toy/many/evil.flac", tarfile.SYMTYPE, "/etc/passwd"),
    "link to a folder": special("Toy/many/1", tarfile.SYMTYPE, "../.."),
    "hard link": special("Toy/many/evil.flac", tarfile.LNKTYPE, "Toy/many/1/7/1-7-0.flac"),
    "device": special("Toy/many/evil.flac", tarfile.CHRTYPE),
    "pipe": special("Toy/many/evil.flac", tarfile.FIFOTYPE),
}


@pytest.mark.parametrize("what", EVIL)
@pytest.mark.parametrize("first", [True, False], ids=["first", "last"])
def test_an_archive_that_reaches_out_is_refused_as_a_whole(write_archives, cache, tmp_path, tree, what, first):
    good, (member, content) = file("Toy/many/1/7/1-7-0.flac", b"x"), EVIL[what]
    evil = member.replace(name=member.name.replace("ROOT", str(tmp_path))), content
    write_archives(many=tar(*((evil, good) if first else (good, evil))))
    before = tree(tmp_path)
    with pytest.raises(SourceError, match=r"many\.tar\.gz: holds .*; nothing of it was unpacked"):
        fetch("toys")
    assert tree(tmp_path).keys() - before.keys() == {"cache/toys/many.tar.gz"}
    assert not (cache / "toys" / "Toy").exists()


def test_an_archive_whose_folder_leads_out_of_the_pack_is_refused(toys, packs):
    listed = packs / "toys.toml"
    listed.write_text(listed.read_text().replace("Toy/", "../"))
    with pytest.raises(ConfigError, match=r"toys\.toml: file '\.\./\w+' leads out of the folder"):
        fetch("toys")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"this is no archive", "cannot be unpacked"),
        (speech("many")[:-300], "cannot be unpacked"),
        (speech("few"), r"has no \.flac files in Toy/many"),
        (tar(file("Toy/many/1/a.flac", b"x"), file("Toy/many/1/a.flac", b"y")), "cannot be unpacked"),
    ],
    ids=["text", "cut off", "other folder", "twice"],
)
def test_an_archive_that_is_not_what_it_should_be_leaves_nothing(write_archives, cache, content, message):
    write_archives(many=content)
    with pytest.raises(SourceError, match=rf"many\.tar\.gz: {message}"):
        fetch("toys")
    assert [path.name for path in (cache / "toys").iterdir()] == ["many.tar.gz"]
