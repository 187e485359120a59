import threading

import numpy as np
import pytest

from aecbench.errors import ConfigError, SourceError, UnknownName
from aecbench.packs import fetch, is_fetched
from aecbench.packs.download import CHUNK, RETRIES

BIG = np.random.default_rng(0).bytes(4 * CHUNK + 1000)
FILES = {"a/1.wav": b"one", "a/2.wav": b"two", "b/1.wav": BIG}


@pytest.fixture
def pack(write_pack, cache):
    """The folder of a pack of three files."""
    write_pack("toy", FILES)
    return cache / "toy"


def test_a_pack_is_fetched_into_the_cache_with_nothing_beside_it(pack, packs, tree):
    assert not is_fetched("toy")
    place = fetch("toy")
    assert place == (packs / "toy.csv", pack)
    assert tree(pack) == FILES
    assert is_fetched("toy")


def test_what_is_there_is_not_asked_for_again(pack, web):
    fetch("toy")
    assert web.names() == sorted(FILES)
    fetch("toy")
    assert web.names() == []


def test_after_an_interruption_only_what_is_missing_is_asked_for(pack, web, tree):
    web.errors["a/2.wav"] = [500] * (1 + RETRIES)
    with pytest.raises(SourceError):
        fetch("toy")
    missing = sorted(FILES.keys() - tree(pack).keys())
    assert "a/2.wav" in missing
    web.asked.clear()
    fetch("toy")
    assert web.names() == missing
    assert tree(pack) == FILES


def test_a_cut_connection_goes_on_where_it_was_cut(pack, web, tree):
    web.cuts["b/1.wav"] = [2 * CHUNK + 10, CHUNK]
    fetch("toy")
    assert [asked for name, asked in web.asked if name == "b/1.wav"] == [
        None,
        f"bytes={2 * CHUNK}-",
        f"bytes={3 * CHUNK}-",
    ]
    assert tree(pack) == FILES


def test_a_cut_connection_begins_anew_where_the_server_sends_no_parts(pack, web, tree):
    web.ranges = False
    web.cuts["b/1.wav"] = [3 * CHUNK]
    fetch("toy")
    assert tree(pack) == FILES


def test_a_connection_that_is_cut_each_time_leaves_a_part_that_a_later_call_completes(pack, web, tree):
    web.cuts["b/1.wav"] = [CHUNK, 0, 0]
    with pytest.raises(SourceError, match=r"b/1\.wav: cannot be fetched .*run the command again"):
        fetch("toy")
    left = tree(pack)
    assert left.pop("b/1.wav.part") == BIG[:CHUNK]
    assert left.keys() <= {"a/1.wav", "a/2.wav"}
    assert not is_fetched("toy")
    fetch("toy")
    assert web.asked[-1] == ("b/1.wav", f"bytes={CHUNK}-")
    assert tree(pack) == FILES


@pytest.mark.parametrize("part", [b"not the beginning", BIG, BIG + b"more"], ids=["other", "all", "too much"])
def test_a_part_that_does_not_fit_does_no_harm(pack, tree, part):
    (pack / "b").mkdir(parents=True)
    (pack / "b" / "1.wav.part").write_bytes(part)
    fetch("toy")
    assert tree(pack) == FILES


def test_what_has_the_wrong_hash_is_refused_and_removed(pack, web, tree):
    web.files["b/1.wav"] = BIG[::-1]
    with pytest.raises(SourceError, match=r"b/1\.wav: what it sends is not the file that the pack lists"):
        fetch("toy")
    assert tree(pack).keys() <= {"a/1.wav", "a/2.wav"}


def test_a_server_that_is_busy_is_asked_again(pack, web, tree):
    web.errors["a/1.wav"] = [503, 502]
    fetch("toy")
    assert tree(pack) == FILES


@pytest.mark.parametrize("code", [403, 404, 500])
def test_an_error_of_the_server_is_told_in_one_line(pack, web, code):
    web.errors["a/1.wav"] = [code] * (1 + RETRIES)
    with pytest.raises(SourceError, match=f"^http.*a/1.wav: cannot be fetched [(]{code} .*again to go on$"):
        fetch("toy")


def test_no_connection_is_told_in_one_line(write_pack, web):
    web.url = "http://127.0.0.1:9"  # discard: nothing listens there
    write_pack("toy", FILES)
    with pytest.raises(SourceError, match=r"^http.*: cannot be fetched [(].*refused.*again to go on$"):
        fetch("toy")


def test_a_file_that_was_damaged_is_fetched_again(pack, web, tree):
    fetch("toy")
    (pack / "a" / "1.wav").write_bytes(b"eno")
    web.asked.clear()
    fetch("toy")
    assert web.names() == ["a/1.wav"]
    assert tree(pack) == FILES


def test_a_damaged_file_does_not_stay_where_it_cannot_be_fetched_again(pack, web):
    fetch("toy")
    (pack / "a" / "1.wav").write_bytes(b"eno")
    del web.files["a/1.wav"]
    with pytest.raises(SourceError):
        fetch("toy")
    assert not is_fetched("toy")


def test_two_may_fetch_at_once(pack, tree):
    threads = [threading.Thread(target=fetch, args=["toy"]) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert tree(pack) == FILES


def test_a_cache_that_cannot_be_written_is_named(pack):
    pack.parent.write_text("a file where the folder should be")
    with pytest.raises(SourceError, match=f"pack 'toy' cannot be stored .*{pack.parent}"):
        fetch("toy")


@pytest.mark.parametrize(
    "file", ["../a.wav", "/a.wav", "a/../../b.wav", "a/..", "C:/a.wav", r"..\a.wav", "a//b.wav", ""]
)
def test_a_list_with_a_path_out_of_the_folder_is_refused(write_pack, file):
    write_pack("toy", {"a.wav": b"one"}, lambda _: {"file": file})
    with pytest.raises(ConfigError, match="file"):
        fetch("toy")


def test_a_misspelt_pack_gets_advice(pack):
    with pytest.raises(UnknownName, match="unknown pack 'tooy': did you mean 'toy'"):
        fetch("tooy")


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A folder with the files of the pack, which AECBENCH_DATA names."""
    folder = tmp_path / "data"
    for file, content in FILES.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(content)
    monkeypatch.setenv("AECBENCH_DATA", str(folder))
    return folder


def test_files_in_the_data_folder_are_used_there_without_any_download(pack, web, packs, data):
    assert is_fetched("toy")
    assert fetch("toy") == (packs / "toy.csv", data)
    assert web.names() == []
    assert not pack.exists()


def test_a_damaged_file_in_the_data_folder_is_named(pack, web, data):
    (data / "a" / "1.wav").write_bytes(b"eno")
    with pytest.raises(
        SourceError, match=f"{data}: 1 of the 3 files of pack toy differ from its list, such as a/1.wav"
    ):
        fetch("toy")
    assert web.names() == []


def test_a_data_folder_that_lacks_a_file_is_not_used(pack, packs, data, tree):
    (data / "a" / "1.wav").unlink()
    assert not is_fetched("toy")
    assert fetch("toy") == (packs / "toy.csv", pack)
    assert tree(pack) == FILES


def test_a_given_data_folder_goes_before_that_of_the_environment(pack, data, monkeypatch, tmp_path):
    monkeypatch.setenv("AECBENCH_DATA", str(tmp_path))
    assert fetch("toy", data).root == data


def test_a_data_folder_that_is_none_is_named(pack, monkeypatch, tmp_path):
    monkeypatch.setenv("AECBENCH_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(SourceError, match="nowhere': is not a folder; correct --data or AECBENCH_DATA"):
        fetch("toy")
