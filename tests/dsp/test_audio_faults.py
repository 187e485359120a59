"""Files as other people have them: cut off, of unknown length, of several formats, with names of all kinds."""

import os
import struct

import numpy as np
import pytest
import soundfile

from aecbench.dsp.audio import blocks, header, read, write, writing
from aecbench.dsp.audio_files import audio_files, by_name
from aecbench.errors import AudioError, UsageError

RATE = 16_000
CUT = ["wav", "flac", "mp3", "aiff", "au", "w64", "caf"]  # OGG promises no length


def noise(seconds: float = 2.0) -> np.ndarray:
    return 0.1 * np.random.default_rng(0).normal(size=round(seconds * RATE))


def of_unknown_length(path):
    """The file, without the number of samples in its header, as one that was written into a pipe."""
    data = bytearray(path.read_bytes())
    if path.suffix == ".flac":
        data[21] &= 0xF0
        data[22:26] = bytes(4)
    else:
        size, place, least = (">I", 8, 4) if path.suffix == ".au" else ("<I", data.index(b"data") + 4, 4)
        data[place : place + least] = struct.pack(size, 0xFFFFFFFF)
    path.write_bytes(data)
    return path


@pytest.mark.parametrize("keep", [0.5, 0.99])
@pytest.mark.parametrize("suffix", CUT)
def test_a_file_that_ends_before_its_header_says_is_refused(tmp_path, capfd, suffix, keep):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, noise(), RATE)
    assert len(read(path)[0]) == sum(map(len, blocks(path, 1000))) == header(path).length == 2 * RATE
    data = path.read_bytes()
    path.write_bytes(data[: int(keep * len(data))])
    for reader in (read, lambda path: list(blocks(path, 1000))):
        with pytest.raises(AudioError, match=rf"x\.{suffix}: (ends |is not audio that can be read)"):
            reader(path)


@pytest.mark.parametrize("suffix", ["flac", "wav", "au"])
def test_a_file_of_unknown_length_is_read_to_its_end(tmp_path, suffix):
    path = tmp_path / f"x.{suffix}"
    soundfile.write(path, noise(), RATE, subtype="PCM_16")
    expected = read(path)[0]
    of_unknown_length(path)
    assert header(path).length == 2 * RATE
    np.testing.assert_array_equal(read(path)[0], expected)
    np.testing.assert_array_equal(np.concatenate(list(blocks(path, 999))), expected)
    np.testing.assert_array_equal(read(path, start=0.5, seconds=0.25)[0], expected[8000:12_000])
    np.testing.assert_array_equal(read(path, start=1.75, seconds=9)[0], expected[28_000:])


def test_a_file_of_unknown_length_that_is_cut_off_within_a_frame_is_refused(tmp_path):
    path = tmp_path / "x.flac"
    soundfile.write(path, noise(), RATE)
    data = of_unknown_length(path).read_bytes()
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(AudioError, match=r"x\.flac: is not audio that can be read"):
        header(path)


@pytest.mark.parametrize(
    ("name", "kind", "error"),
    [("x.wav", "WAV", 1e-8), ("x.WAV", "WAV", 1e-8), ("x.flac", "FLAC", 2e-7), ("x.Ogg", "OGG", 0.2)],
)
def test_the_suffix_decides_what_is_written(tmp_path, name, kind, error):
    x = noise(5.0).astype(np.float32)
    write(tmp_path / name, x, RATE)
    assert soundfile.info(tmp_path / name).format == kind
    y = read(tmp_path / name)[0]
    assert y.size == x.size
    assert np.abs(y - x).max() < error


@pytest.mark.parametrize("name", ["x.mp3", "x.opus", "x.aiff", "x", "x.wav.tmp"])
def test_other_suffixes_are_refused_with_the_list(tmp_path, name):
    with pytest.raises(UsageError, match=r"expected \.wav, \.flac or \.ogg"), writing(tmp_path / name, RATE, 1):
        pytest.fail("it was opened")
    assert not list(tmp_path.iterdir())


def test_flac_clips_what_it_cannot_hold(tmp_path):
    write(tmp_path / "x.flac", np.array([0.5, 3.0, -3.0], np.float32), RATE)
    np.testing.assert_allclose(read(tmp_path / "x.flac")[0], [0.5, 1, -1], atol=1e-6)


def test_a_name_as_long_as_a_file_system_takes_is_written(tmp_path):
    path = tmp_path / f"{'y' * 251}.wav"
    write(path, np.ones(10, np.float32), RATE)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_name_that_is_not_text_is_read_and_written(tmp_path):
    path = tmp_path / os.fsdecode(b"caf\xe9.wav")
    write(path, np.ones(10, np.float32), RATE)
    assert [os.fsencode(file.name) for file in tmp_path.iterdir()] == [b"caf\xe9.wav"]
    assert read(path)[0].tolist() == [1] * 10


def test_audio_files_are_known_by_their_suffix_in_any_case_and_hidden_ones_are_apart(tmp_path):
    for name in ("a.wav", "B.WAV", "c/d.Flac", ".e.wav", "._a.wav", ".trash/f.wav", "c/.g.AIF", "h.txt", "wav"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.wav").mkdir()
    found = audio_files(tmp_path)
    assert [*by_name(found.paths, tmp_path)] == ["B", "a", "c/d"]
    assert {path.name for path in found.hidden} == {".e.wav", "._a.wav", "f.wav", ".g.AIF"}
    assert [*by_name(audio_files(tmp_path, below=False).paths, tmp_path)] == ["B", "a"]
