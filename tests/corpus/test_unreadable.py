"""Files that the operating system does not deliver are called neither damaged nor missing, and are left alone."""

import errno
import fcntl
import os
import resource
import shutil
from contextlib import contextmanager, suppress

import h5py
import pytest

from aecbench.corpus import open_corpus
from aecbench.corpus.verify import Damage, verify
from aecbench.errors import OutputError, Unreadable
from aecbench.simulation import repair, simulate

SHARD = "test-00000.h5"
NOBODY = 65534


@pytest.fixture
def copy(corpus, tmp_path):
    return open_corpus(shutil.copytree(corpus.path, tmp_path / "copy"))


@contextmanager
def no_permission(path):
    mode = path.stat().st_mode
    path.chmod(0)
    root = os.geteuid() == 0  # whom no mode keeps out
    if root:
        os.seteuid(NOBODY)
    try:
        yield errno.EACCES
    finally:
        if root:
            os.seteuid(0)
        path.chmod(mode)


@contextmanager
def too_many_open_files(path):
    before, opened = resource.getrlimit(resource.RLIMIT_NOFILE), []
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, before[1]))
    with suppress(OSError):
        while len(opened) < 256:
            opened.append(os.open("/dev/null", os.O_RDONLY))
    try:
        yield errno.EMFILE
    finally:
        for handle in opened:
            os.close(handle)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def in_its_place(path, other):
    kept = path.rename(path.parent.parent / "kept")
    if other is None:
        path.mkdir()
    else:
        path.symlink_to(other)
    try:
        yield
    finally:
        path.rmdir() if other is None else path.unlink()
        kept.rename(path)


@contextmanager
def input_output_error(path):
    with in_its_place(path, "/proc/self/mem"):  # opens, and cannot be read from the start
        yield errno.EIO


@contextmanager
def links_in_a_circle(path):
    with in_its_place(path, path):
        yield errno.ELOOP


@contextmanager
def a_folder(path):
    with in_its_place(path, None):
        yield errno.EISDIR


CAUSES = [no_permission, too_many_open_files, input_output_error, links_in_a_circle, a_folder]


@pytest.fixture(params=CAUSES, ids=lambda cause: cause.__name__)
def cause(request):
    return request.param


def test_verify_tells_why_and_that_the_shard_may_be_whole(copy, cause):
    with cause(copy.path / "shards" / SHARD) as number:
        found = {problem.file: problem for problem in verify(copy)}
    expected = Damage(f"shards/{SHARD}", f"cannot be read ({os.strerror(number)})", readable=False)
    assert found[expected.file] == expected
    assert not any(problem.readable for problem in found.values())
    assert verify(copy) == []


def test_repair_touches_nothing_while_a_shard_cannot_be_read(copy, cause):
    damaged = copy.path / "shards" / "val-00000.h5"
    damaged.write_bytes(damaged.read_bytes()[:-5000])
    before = {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in copy.path.rglob("*.h5")}
    with (
        cause(copy.path / "shards" / SHARD) as number,
        pytest.raises(Unreadable, match="nothing is repaired") as caught,
    ):
        repair(copy)
    assert os.strerror(number) in str(caught.value)
    assert {path: (path.stat().st_mtime_ns, path.stat().st_size) for path in copy.path.rglob("*.h5")} == before
    assert [problem.file for problem in repair(copy)] == ["shards/val-00000.h5"]
    assert verify(open_corpus(copy.path)) == []


@pytest.mark.parametrize("cause", [input_output_error, links_in_a_circle, a_folder], ids=lambda cause: cause.__name__)
def test_simulate_renders_no_shard_again_that_it_cannot_read(copy, spec, cause):
    (copy.path / "corpus.json").unlink()
    shard = copy.path / "shards" / SHARD
    before = shard.stat().st_mtime_ns
    with cause(shard) as number, pytest.raises(Unreadable, match=os.strerror(number)):
        simulate(spec, copy.path)
    assert shard.stat().st_mtime_ns == before


@pytest.mark.parametrize("name", ["corpus.json", "scenes.parquet"])
def test_simulate_writes_no_table_again_that_it_cannot_read(copy, spec, name):
    before = (copy.path / name).read_bytes()
    with a_folder(copy.path / name), pytest.raises(Unreadable, match="Is a directory"):
        simulate(spec, copy.path)
    assert (copy.path / name).read_bytes() == before


def test_reading_a_scene_tells_why(copy, cause):
    with cause(copy.path / "shards" / SHARD) as number, pytest.raises(Unreadable) as caught:
        copy.split("test")[0]
    message = str(caught.value)
    assert f"{SHARD}: cannot be read ({os.strerror(number)}); " in message
    assert "\n" not in message
    assert "repair" not in message


@pytest.mark.parametrize(
    "read", [lambda shard: shard.record(1), lambda shard: shard.stems(1), lambda shard: shard.rir(1)]
)
def test_an_error_of_the_disk_amid_a_shard_is_not_damage(copy, read):
    shard, _, _ = copy._place(0)
    handle = os.open("/proc/self/mem", os.O_RDONLY)
    os.dup2(handle, shard._file.id.get_vfd_handle())  # from now on the disk answers with an error
    os.close(handle)
    with pytest.raises(Unreadable, match=r"cannot be read \(Input/output error\)"):
        read(shard)


def test_a_shard_that_another_process_has_locked_is_read(copy):
    with (copy.path / "shards" / SHARD).open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        assert verify(copy) == []


@pytest.mark.parametrize("mode", ["r", "r+"])
def test_a_shard_that_this_process_has_open_otherwise_is_read(copy, mode):
    with h5py.File(copy.path / "shards" / SHARD, mode):
        assert verify(copy) == []


def test_the_command_names_what_cannot_be_read_and_repairs_nothing(aecbench, copy):
    with input_output_error(copy.path / "shards" / SHARD):
        checked, mended = aecbench("verify", copy.path), aecbench("verify", copy.path, "--repair")
    assert checked.exit_code == mended.exit_code == 1
    assert checked.stdout == f"shards/{SHARD}: cannot be read (Input/output error)\n"
    assert checked.stderr == f"aecbench: {copy.path}: 1 of 1 files cannot be read, so they may be intact\n"
    assert "nothing is repaired until it can be" in mended.stderr
    assert verify(copy) == []


def test_a_folder_among_the_shards_is_not_removed(copy):
    (copy.path / "shards" / "mine").mkdir()
    with pytest.raises(OutputError, match="mine: cannot be removed"):
        repair(copy)


def test_a_file_in_place_of_a_corpus_is_told_apart(aecbench, tmp_path):
    (tmp_path / "my.toml").write_text("")
    result = aecbench("eval", "--model", "nlms", "--corpus", "my.toml")
    assert result.exit_code == 1
    assert result.stderr == (
        "aecbench: my.toml: is a file; expected the folder of a corpus, which aecbench simulate makes\n"
    )
