import pickle

import numpy as np
import pytest
import soundfile

from aecbench.errors import SourceError
from aecbench.scenes.files import SPLITS
from aecbench.scenes.noise import open_noise
from aecbench.scenes.noise.recorded import excerpt


@pytest.fixture
def folder(tmp_path):
    """Ten recordings in two takes each."""
    for clip in range(10):
        for take in "AB":
            x = np.random.default_rng(clip).uniform(-0.5, 0.5, (400, 2))
            soundfile.write(tmp_path / f"rain_1-{1000 + clip}-{take}.flac", x, 8000)
    return tmp_path


def test_takes_of_a_recording_stay_in_one_split(folder):
    source = open_noise(str(folder))
    clips = {split: {file.split("-")[1] for file in source.files(split)} for split in SPLITS}
    assert [len(clips[split]) for split in SPLITS] == [6, 2, 2]
    assert [len(source.files(split)) for split in SPLITS] == [12, 4, 4]
    assert len(set.union(*clips.values())) == 10


def test_stereo_noise_is_its_first_channel(folder):
    left = soundfile.read(folder / "rain_1-1000-A.flac", dtype="float32")[0][:, 0]
    np.testing.assert_array_equal(open_noise(str(folder)).load("rain_1-1000-A.flac", 8000, 0.0, 400), left)


def test_manifest_may_name_the_recordings(folder):
    rows = ["file,kind,recording", *(f"{path.name},noise,{path.stem[-1]}" for path in sorted(folder.glob("*.flac")))]
    (folder / "m.csv").write_text("\n".join(rows))
    source = open_noise(str(folder / "m.csv"))
    assert len(source.files("test")) == 20  # takes A and B are the only two recordings now
    with pytest.raises(SourceError, match=r"2 recording\(s\) found, 0 of them in split 'train'"):
        source.files("train")


def test_seconds_are_those_of_the_file(folder):
    assert open_noise(str(folder)).seconds("rain_1-1000-A.flac") == 0.05


def test_a_source_survives_pickling(folder):
    source = open_noise(str(folder))
    assert pickle.loads(pickle.dumps(source)).fingerprint == source.fingerprint


def test_a_long_recording_is_cut_and_not_touched():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    np.testing.assert_array_equal(excerpt(x, 300, 500, 100), x[300:800])
    np.testing.assert_array_equal(excerpt(x, 2300, 500, 100), x[300:800])


def test_a_short_recording_repeats():
    x = np.random.default_rng(0).standard_normal(1000).astype(np.float32)
    y = excerpt(x, 0, 4000, 1000)
    assert y.shape == (4000,)
    np.testing.assert_array_equal(y[:950], y[950:1900])
    np.testing.assert_array_equal(y[50:950], x[50:950])


def test_repeating_does_not_click():
    x = np.cos(2 * np.pi * 3.3 * np.arange(1000) / 1000).astype(np.float32)
    assert np.abs(np.diff(x[[-1, 0]]))[0] > 0.5
    assert np.abs(np.diff(excerpt(x, 500, 4000, 1000))).max() < 0.1


def test_repeating_keeps_the_power_of_noise():
    x = np.random.default_rng(0).standard_normal(2000).astype(np.float32)
    y = excerpt(x, 0, 2000 * 50, 20_000)  # a quarter of it fades
    assert np.var(y[:500]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("size", [1, 2, 3, 5])
def test_even_a_few_samples_can_fill_a_scene(size):
    assert excerpt(np.ones(size, np.float32), 3, 100, 16_000).shape == (100,)


@pytest.mark.parametrize("rate", [8000, 16_000])
@pytest.mark.parametrize("start", [0.0, 1.5, 2.9])
def test_a_source_decodes_the_excerpt_it_would_cut_out_of_the_whole(tmp_path, start, rate):
    x = np.sin(2 * np.pi * 440 * np.arange(3 * 8000) / 8000)
    soundfile.write(tmp_path / "hum.flac", x, 8000)
    source = open_noise(str(tmp_path))
    y, whole = source.load("hum.flac", rate, start, rate), source.collection.load("hum.flac", rate)[0]
    assert y.shape == (rate,)
    inside = slice(rate // 50, -rate // 50)  # of a resampled excerpt, the ends differ
    np.testing.assert_allclose(y[inside], excerpt(whole, round(start * rate), rate, rate)[inside], atol=1e-4)
