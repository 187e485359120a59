"""Sets of recordings: in part or as a whole, from a server on this machine or a folder."""

import csv
import hashlib
import io
import lzma
from dataclasses import replace
from itertools import pairwise

import pytest

from aecbench.assets import names
from aecbench.errors import SourceError, UsageError
from aecbench.packs import fetch, is_fetched, read_pack, recordings
from aecbench.packs.download import CHUNK
from aecbench.packs.recordings import RecordingPack

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
NAMES = [f"{guid}_{scenario}" for guid in ("aB-1", "c (d®)") for scenario in ("doubletalk", "farend-singletalk")]
FILES = {
    f"datasets/toy/{name}_{role}.wav": f"{name} {role}".encode() * 20_000
    for name in NAMES
    for role in ("mic", "lpb")
}  # fmt: skip
DOUBLE = {file for file in FILES if "doubletalk" in file}


@pytest.fixture
def store(web, packs, cache):
    """The folder in the cache of a repository with one set, which the server has."""
    folder = packs / "lab"
    folder.mkdir()
    about = {"title": "Lab", "homepage": "https://example.org", "licence": "none", "url": f"{web.url}/media/"}
    (folder / "about.toml").write_text("".join(f'{key} = "{value}"\n' for key, value in about.items()))
    text = io.StringIO()
    table = csv.writer(text)
    table.writerow(("path", "sha256", "bytes"))
    for file, content in FILES.items():
        table.writerow((file, hashlib.sha256(content).hexdigest(), len(content)))
        web.files[
            "media/" + file.replace(" ", "%20").replace("(", "%28").replace("®", "%C2%AE").replace(")", "%29")
        ] = content
    (folder / "toy.csv.xz").write_bytes(lzma.compress(text.getvalue().encode()))
    return cache / "lab"


def test_a_set_is_fetched_at_the_paths_of_its_repository(store, tree):
    assert not is_fetched("lab/toy")
    assert fetch("lab/toy").root == store
    assert tree(store) == FILES
    assert is_fetched("lab/toy")
    assert recordings(["lab/toy"]) == (store / "datasets" / "toy", [store / file for file in FILES])


def test_eight_files_are_on_their_way_at_once(store, web, tree):
    assert len(FILES) == 8
    with web.together(len(FILES)):
        fetch("lab/toy")
    assert tree(store) == FILES


@pytest.mark.parametrize("only", [["doubletalk"], ["DOUBLE", "toy/"]])
def test_only_files_whose_path_holds_every_text_are_fetched(store, tree, only):
    fetch("lab/toy", only=only)
    assert tree(store).keys() == DOUBLE
    assert not is_fetched("lab/toy")
    assert recordings(["lab/toy"]) == (store / "datasets" / "toy", [store / file for file in FILES if file in DOUBLE])


def test_hyphens_and_underscores_are_the_same(store, tree):
    fetch("lab/toy", only=["farend_singletalk"])
    assert tree(store).keys() == FILES.keys() - DOUBLE


def test_a_limit_keeps_whole_recordings_and_a_larger_one_includes_a_smaller_one(store):
    chosen = [{row.path for row in read_pack("lab/toy").select([], n).rows} for n in (1, 2, 3, 99)]
    assert [len(files) for files in chosen] == [2, 4, 6, 8]
    assert all(few < more for few, more in pairwise(chosen))


def test_a_text_that_no_path_holds_is_named(store):
    with pytest.raises(UsageError, match="pack lab/toy: no path holds 'double talk'; one of its paths is datasets/toy"):
        fetch("lab/toy", only=["double talk"])


def test_a_part_of_another_kind_of_pack_is_refused(write_pack):
    write_pack("files", {"a.wav": b"one"})
    with pytest.raises(UsageError, match="pack 'files' is fetched as a whole; leave out --only and --limit"):
        fetch("files", limit=1)
    with pytest.raises(UsageError, match="pack 'files' is not a set of recordings"):
        recordings(["files"])


def test_after_an_interruption_only_the_rest_is_asked_for(store, web, tree):
    name = f"media/datasets/toy/{NAMES[0]}_mic.wav"
    web.cuts[name] = [CHUNK, 0, 0]
    with pytest.raises(SourceError, match="run the command again to go on"):
        fetch("lab/toy", only=[NAMES[0]])
    web.asked.clear()
    fetch("lab/toy", only=[NAMES[0]])
    assert (name, f"bytes={CHUNK}-") in web.asked
    assert tree(store).keys() == {f"datasets/toy/{NAMES[0]}_{role}.wav" for role in ("mic", "lpb")}


def test_a_server_that_sends_a_pointer_is_told_from_one_that_sends_another_file(store, web, tree):
    name = f"media/datasets/toy/{NAMES[0]}_mic.wav"
    web.files[name] = POINTER
    with pytest.raises(SourceError, match="sends a Git LFS pointer instead of the file"):
        fetch("lab/toy")
    web.files[name] = b"something else"
    with pytest.raises(SourceError, match="not the file that the pack lists"):
        fetch("lab/toy")
    assert f"datasets/toy/{NAMES[0]}_mic.wav" not in tree(store)


@pytest.fixture
def checkout(tmp_path):
    """A checkout of the repository with its audio."""
    for file, content in FILES.items():
        (tmp_path / "checkout" / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "checkout" / file).write_bytes(content)
    return tmp_path / "checkout"


def test_a_checkout_is_checked_where_it_is_and_nothing_is_downloaded(store, web, checkout, monkeypatch):
    assert fetch("lab/toy", checkout).root == checkout
    monkeypatch.setenv("AECBENCH_DATA", str(checkout))
    assert recordings(["lab/toy"])[0] == checkout / "datasets" / "toy"
    assert web.asked == []
    assert not store.exists()


def test_files_that_a_checkout_lacks_are_not_downloaded(store, web, checkout, aecbench):
    (checkout / next(iter(FILES))).unlink()
    with pytest.raises(SourceError, match=r"lacks 1 of the 8 files of pack lab/toy, such as datasets/toy/.*--data"):
        fetch("lab/toy", checkout)
    result = aecbench("fetch", "lab/toy", "--data", checkout)
    assert (result.exit_code, web.names()) == (1, [])
    assert not store.exists()


def test_sets_are_imported_from_the_folder_that_is_given(store, checkout):
    assert recordings(["lab/toy"], checkout)[1] == [checkout / file for file in FILES]


def test_a_checkout_of_pointers_is_told_from_one_of_damaged_files(store, checkout):
    file = f"datasets/toy/{NAMES[0]}_lpb.wav"
    (checkout / file).write_bytes(POINTER)
    with pytest.raises(SourceError, match=r"1 of the 8 files .* Git LFS pointers, such as .*; run git lfs pull there"):
        fetch("lab/toy", checkout)
    (checkout / file).write_bytes(FILES[file][::-1])
    with pytest.raises(SourceError, match=r"1 of the 8 files .* differ from its list"):
        fetch("lab/toy", checkout)


def test_a_set_of_which_nothing_is_here_says_how_to_get_it(store):
    with pytest.raises(SourceError, match=r"has no file in .*; run: aecbench fetch lab/toy"):
        recordings(["lab/toy"])


def test_the_shipped_sets_are_those_of_the_challenge(monkeypatch):
    counts = {
        "blind_test_set_icassp2021": (1000, 2000),
        "blind_test_set_interspeech2021": (800, 1600),
        "blind_test_set_icassp2022": (800, 1600),
        "blind_test_set_icassp2023": (800, 2400),
        "test_set_icassp2021": (792, 1584),
        "test_set_interspeech2021": (800, 1600),
        "test_set_icassp2022": (800, 1600),
        "real": (20908, 37588),
        "real_doubled": (5986, 10531),
        "real-v1": (18, 36),
    }
    for name, (count, files) in counts.items():
        pack = read_pack(f"aec-challenge/{name}")
        assert len(pack.files) == files
        assert pack.summary.startswith(f"Microsoft AEC Challenge, {count} recordings in {files} files")


def test_the_sizes_of_sets_are_stated_as_their_lists_give_them():
    for name in names("packs"):
        pack = read_pack(name)
        if isinstance(pack, RecordingPack):
            assert pack.size == replace(pack, part=pack.rows).size
