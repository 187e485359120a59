"""Which recordings of echo there are, and what they hold besides echo."""

import csv
from pathlib import Path

import numpy as np
import pytest
import soundfile

from aecbench.echoes import list_echoes, ratios
from aecbench.errors import AudioError, OutputError, SourceError
from aecbench.packs import read_pack
from aecbench.scenes.recorded_echo import open_echoes

RATE = 16_000


def recording(noise_db: float, seconds: float = 6.0, seed: int = 0, voice: float = 0.0, shape=lambda x: x):
    """Far end with pauses and a microphone with its echo at 0 dB, noise at `noise_db`, and a voice in the pauses."""
    rng = np.random.default_rng(seed)
    far = rng.normal(size=round(seconds * RATE))
    pauses = (np.arange(far.size) // (RATE // 2)) % 4 == 3
    far[pauses] *= 1e-4
    path = rng.normal(size=1000) * np.exp(-np.arange(1000) / 150)
    echo = np.convolve(shape(far), path / np.sqrt(np.sum(path**2)))[: far.size]
    echo /= np.sqrt(np.mean(echo[~pauses] ** 2))
    mic = echo + 10 ** (noise_db / 20) * rng.normal(size=far.size)
    mic += voice * pauses * rng.normal(size=far.size)
    return far.astype(np.float32), mic.astype(np.float32)


@pytest.mark.parametrize("noise", [-10, -20, -30])
def test_both_ratios_are_those_of_echo_and_noise_on_a_linear_path(noise):
    found = ratios(*recording(noise))
    assert found.echo_to_noise == pytest.approx(-noise, abs=1.5)
    assert found.linear == pytest.approx(-noise, abs=1.5)


def test_distortion_lowers_the_linear_ratio_alone():
    clean, distorted = ratios(*recording(-30)), ratios(*recording(-30, shape=lambda x: np.clip(x, -0.5, 0.5)))
    assert distorted.linear < clean.linear - 8
    assert distorted.echo_to_noise > 25


def test_a_voice_in_a_pause_lowers_the_echo_to_noise_ratio():
    quiet, voice = (ratios(*recording(-30, voice=level)) for level in (0.0, 0.3))
    assert voice.echo_to_noise < quiet.echo_to_noise - 15
    assert voice.linear > voice.echo_to_noise + 4  # where strong echo has hardly ended, it counts there too


def test_silence_and_recordings_without_echo_have_no_ratio():
    far, mic = recording(-20)
    with pytest.raises(AudioError, match="is silent"):
        ratios(far, 0 * mic)


@pytest.fixture
def datasets(tmp_path):
    folder = tmp_path / "datasets"
    for place, names in {
        "real": [f"dev{n}_farend_singletalk" for n in range(12)] + ["dev0_farend_singletalk_with_movement"],
        "blind_test_set_icassp2022/farend-singletalk": ["xyz_farend-singletalk-with-movement"],
        "test_set/clean": ["left_farend_singletalk"],
        "real_doubled": ["dev0_doubletalk", "alone_nearend_singletalk"],
    }.items():
        (folder / place).mkdir(parents=True)
        for seed, name in enumerate(names):
            far, mic = recording(-20, seconds=2.0, seed=seed)
            for role, x in (("lpb", far), ("mic", mic)):
                soundfile.write(folder / place / f"{name}_{role}.wav", 0.05 * x, RATE, subtype="PCM_16")
    return folder


def test_far_end_single_talk_is_listed_with_devices_splits_and_ratios(datasets, tmp_path):
    rows, problems = list_echoes([datasets], tmp_path / "echoes.csv")
    assert problems == []
    assert len(rows) == 14  # neither double talk, nor near-end single talk, nor the development test set
    by_name = {row.name: row for row in rows}
    blind = by_name["blind_test_set_icassp2022/xyz_farend-singletalk-with-movement"]
    assert (blind.device, blind.split, blind.seconds) == ("xyz", "test", 2.0)
    assert {row.split for row in rows if row.name.startswith("real/")} == {"train", "val"}
    assert by_name["real/dev0_farend_singletalk"].split == by_name["real/dev0_farend_singletalk_with_movement"].split
    assert all(row.echo_to_noise == pytest.approx(20, abs=3) for row in rows)
    with (tmp_path / "echoes.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 14
    assert set(open_echoes(str(tmp_path / "echoes.csv")).recordings("test", 1.5, 10)) == {"xyz"}


def test_recordings_of_ones_own_have_no_split(datasets, tmp_path):
    mine = datasets.rename(tmp_path / "mine") / "real"
    rows, _ = list_echoes([mine], tmp_path / "echoes.csv")
    assert {row.split for row in rows} == {""}
    assert {row.name for row in rows} >= {"dev1_farend_singletalk"}


def test_a_half_and_a_pointer_are_named_and_the_others_listed(datasets, tmp_path):
    (datasets / "real" / "dev1_farend_singletalk_lpb.wav").unlink()
    (datasets / "real" / "dev2_farend_singletalk_mic.wav").write_text("version https://git-lfs.github.com/spec/v1\n")
    rows, problems = list_echoes([datasets], tmp_path / "echoes.csv")
    assert len(rows) == 12
    assert [problem.problem.rpartition(": ")[2] for problem in problems] == [
        "its other half, mic or lpb, is missing",
        "git lfs pull",
    ]


def test_a_folder_without_echo_says_so(tmp_path):
    with pytest.raises(SourceError, match="no far-end single talk that can be used"):
        list_echoes([tmp_path], tmp_path / "echoes.csv")


def test_the_command_lists_and_fails_with_3_where_something_is_left_out(aecbench, datasets):
    good = aecbench("echoes", datasets, "--out", "echoes.csv", "--jobs", 1)
    assert good.exit_code == 0, good.output
    assert good.stdout.splitlines()[-1] == "echoes.csv"
    assert "echo to noise" in good.stdout
    (datasets / "real" / "dev1_farend_singletalk_lpb.wav").unlink()
    assert aecbench("echoes", datasets, "--out", "echoes.csv", "--jobs", 1).exit_code == 3


def test_a_set_gives_its_own_recordings_and_no_others_that_lie_beside_them(aecbench, datasets, monkeypatch):
    """Another set in the same folder would give the corpus another id."""
    files = [row.path for row in read_pack("aec-challenge/real-v1").rows if "zykCkY" in row.path]
    for file, x in zip(sorted(files), recording(-20, seconds=2.0), strict=True):  # lpb, mic
        (datasets.parent / file).parent.mkdir(parents=True, exist_ok=True)
        for name in (file, file.replace("zykCkY", "another")):
            soundfile.write(datasets.parent / name, 0.05 * x, RATE, subtype="PCM_16")
    monkeypatch.setenv("AECBENCH_DATA", str(datasets.parent))
    run = aecbench("echoes", "aec-challenge/real-v1", "--out", "echoes.csv", "--jobs", 1)
    assert run.exit_code == 0, run.output
    (name,) = open_echoes("echoes.csv").recordings("test", 1.5, 10)
    assert name.startswith("zykCkY")
    assert len(Path("echoes.csv").read_text().splitlines()) == 2
    mixed = aecbench("echoes", "aec-challenge/real-v1", datasets, "--out", "echoes.csv")
    assert mixed.exit_code == 2
    assert "or the names of sets that were fetched, not both" in mixed.output


def test_a_recording_in_two_folders_is_listed_once(datasets, tmp_path):
    mine = datasets.rename(tmp_path / "mine")
    rows, problems = list_echoes([mine / "real", mine, mine / "real"], tmp_path / "echoes.csv")
    assert problems == []
    assert len(rows) == len({row.mic for row in rows}) == len({row.name for row in rows})
    assert open_echoes(str(tmp_path / "echoes.csv"))


def test_of_two_recordings_with_one_name_the_second_is_left_out(datasets, tmp_path):
    mine, other = datasets.rename(tmp_path / "mine") / "real", tmp_path / "other"
    other.mkdir()
    for role, x in zip(("lpb", "mic"), recording(-20, seconds=2.0, seed=99), strict=True):
        soundfile.write(other / f"dev1_farend_singletalk_{role}.wav", 0.05 * x, RATE, subtype="PCM_16")
    rows, (problem,) = list_echoes([mine, other], tmp_path / "echoes.csv")
    assert len(rows) == 13
    assert problem.file == str(other / "dev1_farend_singletalk_mic.wav")
    assert problem.problem == f"has the same name as {mine / 'dev1_farend_singletalk_mic.wav'}; rename one of them"
    assert open_echoes(str(tmp_path / "echoes.csv"))


@pytest.mark.parametrize("samples", [1, 800, 8191])
def test_a_recording_that_is_no_longer_than_two_filters_is_left_out(samples):
    far, mic = recording(-20)
    with pytest.raises(AudioError, match=r"^lasts 0\.\d\d s, expected 0\.512 s or more$"):
        ratios(far[:samples], mic[:samples])


def test_what_cannot_be_written_is_said_before_any_work(datasets, tmp_path, monkeypatch):
    monkeypatch.setattr("aecbench.echoes.in_parallel", lambda *_, **__: pytest.fail("recordings were analysed"))
    (tmp_path / "file").touch()
    for out in (tmp_path, tmp_path / "file" / "echoes.csv"):
        with pytest.raises(OutputError, match=f"^{tmp_path}.*; choose another place"):
            list_echoes([datasets], out)
