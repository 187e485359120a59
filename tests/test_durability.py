"""Corpora survive kills, damage and other writers."""

import errno
import os
import shutil
import subprocess
import sys
import time
from multiprocessing import get_context

import h5py
import numpy as np
import pytest

from aecbench.corpus import Corpus, open_corpus
from aecbench.corpus.shard import Shard
from aecbench.corpus.verify import verify
from aecbench.errors import CorpusError, OutputError, SourceError
from aecbench.output import locked
from aecbench.simulation import repair, simulate

KILLS = 30
FLIPS = 500


@pytest.fixture
def copy(corpus, tmp_path):
    shutil.copytree(corpus.path, tmp_path / "copy")
    return open_corpus(tmp_path / "copy")


def problems(path):
    return {problem.file: problem.what for problem in verify(open_corpus(path))}


def shards(corpus):
    return sorted((corpus.path / "shards").glob("*.h5"))


def test_a_whole_corpus_has_no_problems(corpus):
    assert verify(corpus) == []


def test_each_broken_missing_renamed_swapped_and_stray_shard_is_named(copy):
    test0, test1, val0 = shards(copy)
    shutil.copy(val0, val0.with_name("val-00001.h5"))
    assert problems(copy.path) == {"shards/val-00001.h5": "does not belong to the corpus"}
    val0.unlink()
    test0.rename(test0.with_name("t"))
    test1.rename(test0)
    test0.with_name("t").rename(test1)
    found = problems(copy.path)
    assert found["shards/val-00000.h5"] == "is missing"
    assert found["shards/test-00000.h5"] == "holds the scenes of test-00001.h5"
    assert found["shards/test-00001.h5"] == "holds the scenes of test-00000.h5"
    test0.write_bytes(test0.read_bytes()[:-5000])
    assert problems(copy.path)["shards/test-00000.h5"].startswith("is damaged")


def test_a_changed_hash_in_the_table_is_found(copy):
    copy.scenes.loc[0, "sha256"] = "0" * 64
    assert {problem.file for problem in verify(copy)} == {"scenes.parquet", "shards/" + copy.scenes["shard"][0]}


def test_repair_renders_just_what_is_wrong(copy, corpus):
    test0, test1, val0 = shards(copy)
    untouched = test1.stat().st_mtime_ns
    val0.unlink()
    test0.write_bytes(test0.read_bytes()[:-5000])
    (copy.path / "shards" / "old.h5.tmp").write_text("left over")
    assert {problem.file for problem in repair(copy)} == {
        "shards/val-00000.h5",
        "shards/test-00000.h5",
        "shards/old.h5.tmp",
    }
    assert verify(open_corpus(copy.path)) == []
    assert open_corpus(copy.path).digest == corpus.digest
    assert test1.stat().st_mtime_ns == untouched


def test_repair_from_changed_sources_is_refused_and_changes_nothing(tmp_path, spec, speech_folder):
    shutil.copytree(speech_folder, tmp_path / "speech")
    moved = spec.model_copy(update={"speech": type(spec.speech)(source=str(tmp_path / "speech"))})
    made = simulate(moved, tmp_path / "c")
    shutil.rmtree(tmp_path / "speech" / "s00")
    shards(made)[0].unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(SourceError, match="have changed since"):
        repair(made)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("name", ["corpus.json", "scenes.parquet"])
def test_a_lost_table_is_made_again_from_the_shards(copy, corpus, spec, name):
    times = {path: path.stat().st_mtime_ns for path in shards(copy)}
    (copy.path / name).unlink()
    assert simulate(spec, copy.path).digest == corpus.digest
    assert {path: path.stat().st_mtime_ns for path in shards(copy)} == times


def test_a_second_writer_is_refused(spec, tmp_path):
    (tmp_path / "c").mkdir()
    program = (
        "import sys, time; from pathlib import Path; from aecbench.output import locked\n"
        "with locked(Path(sys.argv[1])):\n    print('locked', flush=True); time.sleep(60)"
    )
    other = subprocess.Popen([sys.executable, "-c", program, tmp_path / "c"], stdout=subprocess.PIPE)
    assert other.stdout.readline() == b"locked\n"
    try:
        with pytest.raises(OutputError, match="another process is writing there"):
            simulate(spec, tmp_path / "c")
        assert not list((tmp_path / "c").rglob("*.h5*"))
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    with locked(tmp_path / "c"):  # a killed process holds no lock
        pass


@pytest.fixture
def start(recipe_file, spec, tmp_path, monkeypatch):
    """Starts a simulation, and returns its process once it writes.

    The process comes from one that has simulated before. It has nothing to import or to load: kills hit the work.
    """
    before = f"simulate({str(recipe_file)!r}, {str(tmp_path / 'before')!r}, split='val')\n"
    (tmp_path / "simulated_before.py").write_text("from aecbench.simulation import simulate\n" + before)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    context = get_context("forkserver")
    context.set_forkserver_preload(["simulated_before"])

    def begun():
        run = context.Process(target=simulate, args=(spec, tmp_path / "c"))
        run.start()
        _wait_for(lambda: (tmp_path / "c" / ".lock").exists() or run.exitcode is not None)
        return run

    return begun


def test_killed_at_any_moment_it_goes_on_to_the_same_digest(corpus, spec, tmp_path, start):
    """SIGKILL at random moments of a run, in the midst of a shard too; what has a final name is always whole."""
    rng = np.random.default_rng(0)
    run, begin = start(), time.monotonic()
    run.join()
    duration = time.monotonic() - begin
    shutil.rmtree(tmp_path / "c")
    kills = interrupted = 0
    while kills < KILLS:
        run = start()
        time.sleep(rng.uniform(0, duration))
        interrupted += bool(list(tmp_path.glob("c/**/*.tmp")))
        finished = run.exitcode is not None
        run.kill()
        run.join()
        kills += not finished
        for path in (tmp_path / "c" / "shards").glob("*.h5"):
            with h5py.File(path, locking=False) as file:
                assert file.attrs["corpus"] == corpus.id
        if (tmp_path / "c" / "corpus.json").exists():
            assert open_corpus(tmp_path / "c").digest == corpus.digest
            assert verify(open_corpus(tmp_path / "c")) == [] or list(tmp_path.glob("c/shards/*.tmp"))
            shutil.rmtree(tmp_path / "c")
        elif (tmp_path / "c" / ".lock").exists():
            (tmp_path / "c" / ".lock").unlink()
    assert interrupted >= 3  # some of them while a shard was being written
    done = simulate(spec, tmp_path / "c")
    assert done.digest == corpus.digest
    assert verify(done) == []


def _wait_for(condition, seconds=300.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.005)


def test_no_flipped_bit_or_cut_end_is_read_silently(copy, corpus):
    """In each of many copies one bit is flipped or the end cut off: the reader refuses, or reads the same scenes."""
    shard = copy.path / "shards" / "val-00000.h5"
    whole, expected = shard.read_bytes(), [corpus.split("val")[row] for row in range(2)]
    rng = np.random.default_rng(0)
    refused = 0
    for number in range(FLIPS):
        data = bytearray(whole)
        if number % 5 == 0:
            del data[rng.integers(len(data)) :]
        else:
            data[rng.integers(len(data))] ^= 1 << rng.integers(8)
        shard.write_bytes(data)
        try:
            unread = Corpus(copy.path, copy.info, copy.scenes).split("val")  # has no file open
            found = [unread[row] for row in range(2)]
        except CorpusError:
            refused += 1
            continue
        for item, other in zip(found, expected, strict=True):
            assert item.scene == other.scene
            np.testing.assert_array_equal(item.signals, other.signals)
            np.testing.assert_array_equal(item.rir, other.rir)
    assert refused > 0.9 * FLIPS


@pytest.mark.parametrize("call", range(4))
def test_a_disk_that_fails_is_said_so_and_leaves_nothing_under_a_final_name(spec, tmp_path, monkeypatch, call):
    """The operating system reports an input/output error at one of the moments when data is made safe."""
    fsync, calls = os.fsync, iter(range(100))

    def failing(handle):
        if next(calls) == call:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        fsync(handle)

    monkeypatch.setattr("os.fsync", failing)
    with pytest.raises(OutputError, match="Input/output error"):
        simulate(spec, tmp_path / "c")
    assert not list((tmp_path / "c").rglob("*.tmp"))
    assert not (tmp_path / "c" / "corpus.json").exists()
    for path in (tmp_path / "c" / "shards").iterdir():  # what has its name is whole
        with Shard(path) as shard:
            shard.verify()


def run_on_small_disk(recipe_file, disk, options):
    """`aecbench simulate` onto a tmpfs mounted with these options."""
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", disk]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk needs root")
    try:
        program = "from aecbench.cli import main; main()"
        command = [sys.executable, "-c", program, "simulate", str(recipe_file), "--out", str(disk / "c"), "--jobs", "1"]
        result = subprocess.run(command, capture_output=True, text=True)
        return result, {path.name for path in disk.rglob("*") if path.is_file()}
    finally:
        subprocess.run(["umount", disk], check=True)


@pytest.mark.parametrize("options", ["size=300k", "ro"])
def test_a_full_or_read_only_disk_is_said_so_and_leaves_nothing_half_written(recipe_file, tmp_path, options):
    result, files = run_on_small_disk(recipe_file, tmp_path / "disk", options)
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert "cannot be written" in result.stderr
    assert files <= {".lock"}
