"""Trees as the AEC Challenge lays them out, imported, evaluated, exported."""

import csv
import json
import lzma
import os
import shutil
from contextlib import ExitStack

import numpy as np
import pandas as pd
import pytest
import soundfile
from scipy.io import wavfile

from aecbench.corpus import open_corpus
from aecbench.corpus.layouts import LAYOUTS, build, export
from aecbench.corpus.layouts.aec_real import NAMELESS
from aecbench.corpus.verify import verify
from aecbench.errors import CorpusError, OutputError, SourceError, UsageError
from aecbench.evaluation import evaluate
from aecbench.metrics import DEFAULT_METRICS, METRICS
from aecbench.output import locked, new_folder
from aecbench.systems import load_system

RATE = 16_000
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n"
HEAD = "nearend_speaker,ser,is_farend_nonlinear,is_farend_noisy,is_nearend_noisy,split,fileid,nearend_scale\n"
CHALLENGE = LAYOUTS["aec-challenge"]


def samples(seed: int, seconds: float = 1.0, level: float = 3000) -> np.ndarray:
    return np.rint(np.random.default_rng(seed).normal(0, level, round(seconds * RATE))).astype(np.int16)


def save(path, x, rate=RATE) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, x)


@pytest.fixture
def synthetic(tmp_path):
    """Six scenes; the tree and, by number, mic, far, near at full level, echo."""
    folder = tmp_path / "synthetic"
    rows, truth = [], {}
    for n in range(6):
        far, near, echo, noise = (samples(10 * n + k, level=2000 if k else 5000) for k in range(4))
        scale = 0.5 + 0.0571 * n
        mic = np.rint(echo + scale * near + (noise / 20 if n % 2 else 0)).astype(np.int16)
        truth[n] = mic, far, near, echo, scale
        for name, x in (
            (f"farend_speech/farend_speech_fileid_{n}", far),
            (f"echo_signal/echo_fileid_{n}", echo),
            (f"nearend_mic_signal/nearend_mic_fileid_{n}", mic),
            (f"nearend_speech/nearend_speech_fileid_{n}", near),
        ):
            save(folder / f"{name}.wav", x)
        rows.append(f"reader_0{n},{-7 + n},{n % 2},1,{n % 2},{'test' if n < 4 else 'train'},{n},{scale!r}\n")
    (folder / "meta.csv").write_text(HEAD + "".join(rows))
    return folder, truth


@pytest.fixture
def real(tmp_path):
    """One recording of each scenario, of different lengths."""
    folder = tmp_path / "real"
    for n, (name, seconds) in enumerate(
        {
            "-0Ab_c_farend_singletalk": 1.0,
            "-0Ab_c_farend_singletalk_with_movement": 1.25,
            "-0Ab_c_doubletalk": 1.5,
            "-0Ab_c_doubletalk_with_movement": 0.75,
            "-0Ab_c_sweep": 0.5,
        }.items()
    ):
        save(folder / f"{name}_mic.wav", samples(n, seconds))
        save(folder / f"{name}_lpb.wav", samples(n + 20, seconds))
    save(folder / "-0Ab_c_nearend_singletalk_mic.wav", samples(9))
    return folder


def report(corpus) -> dict[str, tuple[str, str]]:
    with (corpus / "import-report.csv").open() as file:
        return {row["file"]: (row["imported"], row["problem"]) for row in csv.DictReader(file)}


def test_near_end_is_scaled_and_noise_is_what_is_left_of_mic(synthetic, tmp_path):
    folder, truth = synthetic
    corpus = build(CHALLENGE, folder, tmp_path / "corpus").corpus
    assert len(corpus) == 6
    for scene, signals, _ in corpus:
        mic, far, near, echo, scale = truth[scene.index]
        assert scene.ser == -7 + scene.index
        steps = [np.rint(x * 2.0**15).astype(int) for x in signals]
        np.testing.assert_array_equal(steps[0], mic)
        np.testing.assert_array_equal(steps[1], far)
        np.testing.assert_array_equal(steps[2], np.rint(scale * near))
        np.testing.assert_array_equal(steps[3], echo)
        np.testing.assert_array_equal(steps[0], steps[2] + steps[3] + steps[4])


def test_columns_of_meta_become_columns_of_the_table(synthetic, tmp_path):
    corpus = build(CHALLENGE, synthetic[0], tmp_path / "corpus").corpus
    assert corpus.scenes["split"].tolist() == ["train"] * 2 + ["test"] * 4
    assert corpus.scenes["facts.is_farend_nonlinear"].tolist() == [0, 1, 0, 1, 0, 1]
    assert set(corpus.scenes["talk"]) == {"double"}
    assert corpus.scenes["scene"].tolist()[0] == "corpus/train/000004"


def test_a_column_of_meta_that_is_not_all_numbers_is_text(synthetic, tmp_path):
    folder, _ = synthetic
    meta = (folder / "meta.csv").read_text().replace("reader_03", "61")
    (folder / "meta.csv").write_text(meta)
    scenes = build(CHALLENGE, folder, tmp_path / "corpus").corpus.scenes
    assert sorted(scenes["facts.nearend_speaker"])[:2] == ["61", "reader_00"]


def test_bytes_do_not_depend_on_the_number_of_processes(synthetic, tmp_path):
    one = build(CHALLENGE, synthetic[0], tmp_path / "a" / "corpus").corpus
    two = build(CHALLENGE, synthetic[0], tmp_path / "b" / "corpus", jobs=2).corpus
    assert (one.id, one.digest) == (two.id, two.digest)


def test_what_is_wrong_with_a_synthetic_set_is_told_file_by_file(synthetic, tmp_path):
    folder, truth = synthetic
    (folder / "echo_signal" / "echo_fileid_0.wav").write_text(LFS)
    (folder / "farend_speech" / "farend_speech_fileid_1.wav").unlink()
    save(folder / "nearend_speech" / "nearend_speech_fileid_2.wav", truth[2][2][:-5])
    save(folder / "echo_signal" / "echo_fileid_3.wav", truth[3][3], 48_000)
    loud = np.full(RATE, 30_000, np.int16)
    save(folder / "nearend_mic_signal" / "nearend_mic_fileid_4.wav", loud)
    save(folder / "echo_signal" / "echo_fileid_4.wav", -loud)
    done = build(CHALLENGE, folder, tmp_path / "corpus")
    told = report(tmp_path / "corpus")
    assert done.corpus.scenes["scene"].tolist() == ["corpus/train/000005"]
    assert "Git LFS pointer" in told["echo_signal/echo_fileid_0.wav"][1]
    assert "no such file" in told["farend_speech/farend_speech_fileid_1.wav"][1]
    assert "differ in length" in told["nearend_mic_signal/nearend_mic_fileid_2.wav"][1]
    assert "48000 Hz, expected 16000" in told["echo_signal/echo_fileid_3.wav"][1]
    assert "does not fit into 16 bits" in told["nearend_mic_signal/nearend_mic_fileid_4.wav"][1]
    assert len(told) == 5
    assert {imported for imported, _ in told.values()} == {"no"}


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        ("", "fileid 0: has no row"),
        ("r,1,0,0,0,test,0,loud\n", "fileid 0: could not convert"),
        ("r,1,0,0,0,dev,0,1\n", "fileid 0: unknown split 'dev'"),
        ("r,1,0,0,0,test,0,1\nr,1,0,0,0,test,77,1\n", "fileid 77: none of its files"),
    ],
)
def test_a_row_of_meta_that_cannot_be_used_is_told(synthetic, tmp_path, row, problem):
    folder, _ = synthetic
    lines = (folder / "meta.csv").read_text().splitlines(keepends=True)
    (folder / "meta.csv").write_text("".join([lines[0], row, *lines[2:]]))
    done = build(CHALLENGE, folder, tmp_path / "corpus")
    assert problem in done.problems[0].problem
    assert len(done.problems) == 1


@pytest.mark.parametrize("damage", [lambda path: path.unlink(), lambda path: path.write_text("fileid,ser\n0,1\n")])
def test_without_nearend_scale_nothing_is_imported(synthetic, tmp_path, damage):
    damage(synthetic[0] / "meta.csv")
    with pytest.raises(SourceError, match="nearend_scale"):
        build(CHALLENGE, synthetic[0], tmp_path / "corpus")


def test_a_clone_without_its_audio_says_so(synthetic, tmp_path):
    folder, _ = synthetic
    for path in folder.rglob("*.wav"):
        path.write_text(LFS)
    with pytest.raises(SourceError, match=r"nothing that can be imported; the first of 24 problems: .*git lfs pull"):
        build(CHALLENGE, folder, tmp_path / "corpus")


def test_a_corpus_is_not_written_over(synthetic, tmp_path):
    build(CHALLENGE, synthetic[0], tmp_path / "corpus")
    with pytest.raises(OutputError, match="holds a corpus already"):
        build(CHALLENGE, synthetic[0], tmp_path / "corpus")


def test_what_an_interrupted_import_left_is_not_mixed_with_a_new_one(synthetic, tmp_path):
    save(tmp_path / "corpus" / "shards" / "test-00009.h5", samples(0))
    with pytest.raises(OutputError, match="perhaps of an import that was interrupted"):
        build(CHALLENGE, synthetic[0], tmp_path / "corpus")


def test_an_imported_corpus_has_no_recipe(synthetic, tmp_path):
    corpus = build(CHALLENGE, synthetic[0], tmp_path / "corpus").corpus
    with pytest.raises(CorpusError, match="was imported, not simulated"):
        _ = corpus.spec


def test_real_recordings_have_mic_and_far_of_their_own_length_and_no_stems(real, tmp_path):
    corpus = build(CHALLENGE, real, tmp_path / "corpus").corpus
    assert verify(corpus) == []
    assert len(corpus) == 6
    for scene, signals, rir in corpus:
        name = scene.id.removeprefix("corpus/test/")
        mic = wavfile.read(real / f"{name}_mic.wav")[1]
        np.testing.assert_array_equal(np.rint(signals.mic * 2.0**15), mic)
        if scene.talk == "near_single":
            assert not signals.far.any()
        else:
            np.testing.assert_array_equal(np.rint(signals.far * 2.0**15), wavfile.read(real / f"{name}_lpb.wav")[1])
        for stem in (signals.near, signals.echo, signals.noise):
            assert stem.shape == mic.shape
            assert np.isnan(stem).all()
        assert np.isnan(rir).all()


def test_scenarios_give_talk_and_movement(real, tmp_path):
    scenes = build(CHALLENGE, real, tmp_path / "corpus").corpus.scenes
    assert dict(zip(scenes["scene"].str.split("_c_").str[1], scenes["talk"], strict=True)) == {
        "doubletalk": "double",
        "doubletalk_with_movement": "double",
        "farend_singletalk": "far_single",
        "farend_singletalk_with_movement": "far_single",
        "nearend_singletalk": "near_single",
        "sweep": "sweep",
    }
    assert scenes["facts.movement"].tolist() == [name.endswith("movement") for name in scenes["scene"]]


def test_recordings_of_one_name_in_two_folders_are_two(real, tmp_path):
    shutil.copytree(real, real / "noisy", ignore=shutil.ignore_patterns("noisy"))
    corpus = build(CHALLENGE, real, tmp_path / "corpus").corpus
    assert len(corpus) == 12
    assert corpus.scenes["scene"].is_unique


def test_imported_recordings_have_an_overview_and_no_picture_of_their_room(aecbench, real):
    aecbench("import", "aec-challenge", real, "--out", "corpora/real", "--jobs", 1)
    result = aecbench("inspect", "corpora/real", "--out", "pictures")
    assert result.exit_code == 1
    assert "overview.png" in result.stdout
    assert "its room and loudspeaker are not known" in result.stderr


def test_what_is_wrong_with_real_recordings_is_told_file_by_file(real, tmp_path):
    save(real / "x_farend_singletalk_mic.wav", samples(0, 1.0))
    save(real / "x_farend_singletalk_lpb.wav", samples(1, 1.01))
    save(real / "y_farend_singletalk_mic.wav", samples(0, 1.0))
    save(real / "y_farend_singletalk_lpb.wav", samples(1, 2.5))
    save(real / "z_doubletalk_mic.wav", samples(0))
    save(real / "z_sweep_lpb.wav", samples(0))
    save(real / "v_doubletalk_mic.wav", np.stack([samples(0), samples(1)], -1))
    save(real / "v_doubletalk_lpb.wav", samples(0).astype(np.float32))
    save(real / "u_nothing_mic.wav", samples(0))
    done = build(CHALLENGE, real, tmp_path / "corpus")
    told = report(tmp_path / "corpus")
    assert told["x_farend_singletalk_mic.wav"] == (
        "yes",
        "has 16000 samples, its lpb 16160: both are cut to the shorter one",
    )
    assert told["y_farend_singletalk_mic.wav"] == ("no", "has 16000 samples, its lpb 40000: no pair")
    assert told["z_doubletalk_lpb.wav"] == ("no", "no such file")
    assert told["z_sweep_mic.wav"] == ("no", "no such file")
    assert "has 2 channels" in told["v_doubletalk_mic.wav"][1]
    assert "expected PCM_16" in told["v_doubletalk_lpb.wav"][1]
    assert told["u_nothing_mic.wav"] == ("no", NAMELESS)
    assert len(told) == 7
    assert len(done.corpus) == 7
    assert done.corpus.where(talk="far_single")[2].signals.mic.size == RATE


def test_metrics_that_need_stems_are_nan_with_the_reason_on_real_recordings(real, tmp_path):
    corpus = build(CHALLENGE, real, tmp_path / "corpus").corpus
    rows = evaluate(load_system("passthrough"), corpus).rows
    assert len(rows) == 6 * (len(DEFAULT_METRICS) + 1)
    assert not rows["failed"].any()
    for name in ("erle_true", "near_attenuation", "pesq", "stoi", "fsdr"):
        part = rows[rows["metric"] == name]
        assert part["value"].isna().all()
        assert set(part["reason"]) == {"no stems: a real recording"}


def test_erle_of_a_real_recording_is_mic_over_output_while_the_far_end_talks(real, tmp_path):
    corpus = build(CHALLENGE, real, tmp_path / "corpus").corpus
    rows = evaluate(load_system("nlms"), corpus, {"erle": METRICS["erle"], "level": METRICS["level"]}).rows
    values = rows.pivot_table(index="talk", columns="metric", values="value", aggfunc="count")
    assert values["erle"].to_dict() == {"double": 0, "far_single": 2, "near_single": 0, "sweep": 0}
    assert values["level"].to_dict() == {"double": 0, "far_single": 0, "near_single": 1, "sweep": 0}


def test_the_oracle_fails_on_real_recordings_with_a_reason(real, tmp_path):
    corpus = build(CHALLENGE, real, tmp_path / "corpus").corpus
    rows = evaluate(load_system("oracle"), corpus, {"erle": METRICS["erle"]}).rows
    assert rows["failed"].all()
    assert rows["reason"].str.contains("which real recordings do not have").all()


def test_stems_of_a_simulated_corpus_come_back_to_the_bit(corpus, tmp_path):
    export(corpus, CHALLENGE, tmp_path / "out")
    back = build(CHALLENGE, tmp_path / "out", tmp_path / "back")
    assert back.problems == []
    for scene, signals, _ in back.corpus:
        original = corpus[scene.index]
        assert scene.facts["scene"] == original.scene.id
        assert (scene.split, scene.ser) == (original.scene.split, original.scene.ser)
        np.testing.assert_array_equal(np.stack(signals), np.stack(original.signals))


def test_an_exported_set_has_the_columns_of_the_challenge(corpus, tmp_path):
    export(corpus.split("test"), CHALLENGE, tmp_path / "out")
    meta = pd.read_csv(tmp_path / "out" / "meta.csv")
    assert meta.columns.tolist()[6:13] == [
        "ser",
        "is_farend_nonlinear",
        "is_farend_noisy",
        "is_nearend_noisy",
        "split",
        "fileid",
        "nearend_scale",
    ]
    assert meta["fileid"].tolist() == list(range(6))
    assert (meta["nearend_scale"] == 1).all()
    assert meta["is_farend_nonlinear"].tolist() == [
        int(model != "linear") for model in corpus.split("test").scenes["loudspeaker.model"]
    ]


def test_real_recordings_come_back_to_the_bit(real, tmp_path):
    there = build(CHALLENGE, real, tmp_path / "a" / "corpus").corpus
    export(there, CHALLENGE, tmp_path / "out")
    shutil.rmtree(tmp_path / "a")
    back = build(CHALLENGE, tmp_path / "out", tmp_path / "b" / "corpus").corpus
    for scene, signals, _ in back:
        mic = wavfile.read(real / f"{scene.id.split('/')[2]}_mic.wav")[1]
        np.testing.assert_array_equal(np.rint(signals.mic * 2.0**15), mic)


def test_import_and_eval_from_the_command_line(aecbench, real, tmp_path):
    result = aecbench("import", "aec-challenge", real, "--out", "corpora/real", "--jobs", 1)
    assert result.exit_code == 0
    assert "6 test scenes" in result.stdout.replace("0.00 h: ", "")
    result = aecbench("eval", "--model", "passthrough", "--corpus", "corpora/real", "--by", "talk", "--jobs", 1)
    assert result.exit_code == 0
    for word in ("far_single", "double", "near_single", "sweep"):
        assert word in result.stdout
    result = aecbench("eval", "--model", "passthrough", "--corpus", "corpora/real", "--json", "--jobs", 1)
    systems = json.loads(result.stdout)["systems"]
    assert systems["passthrough"]["pesq"]["n"] == 0
    assert systems["passthrough"]["erle"]["n"] == 2


def test_an_import_that_left_something_out_exits_with_3(aecbench, synthetic):
    folder, _ = synthetic
    (folder / "echo_signal" / "echo_fileid_0.wav").write_text(LFS)
    result = aecbench("import", "aec-challenge", folder, "--out", "corpus", "--jobs", 1)
    assert result.exit_code == 3
    for word in ("import-report.csv", "echo_signal/echo_fileid_0.wav", "git lfs pull"):
        assert word in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert len(open_corpus((folder / ".." / "corpus").resolve())) == 5


def test_an_unknown_layout_is_met_with_the_nearest(aecbench, tmp_path):
    result = aecbench("import", "aec-chalenge", tmp_path, "--out", "corpus")
    assert result.exit_code == 2
    assert "did you mean 'aec-challenge'" in result.stderr


# Folders as other people make them


@pytest.mark.parametrize(
    ("mic", "lpb"), [("_MIC.WAV", "_LPB.WAV"), ("_mic.Wav", "_LPB.wav"), ("_mic.flac", "_lpb.wav")]
)
def test_recordings_are_found_in_upper_and_lower_case(tmp_path, mic, lpb):
    folder = tmp_path / "real"
    folder.mkdir()
    for end in (mic, lpb):
        soundfile.write(folder / f"A_DoubleTalk{end}", samples(1), RATE)
    done = build(CHALLENGE, folder, tmp_path / "corpus")
    assert done.problems == []
    assert done.corpus.scenes["scene"].tolist() == ["corpus/test/A_DoubleTalk"]
    assert done.corpus.scenes["facts.scenario"].tolist() == ["doubletalk"]


def test_a_synthetic_set_is_found_in_upper_case(synthetic, tmp_path):
    folder, _ = synthetic
    expected = build(CHALLENGE, folder, tmp_path / "a" / "corpus").corpus
    for path in sorted(folder.glob("*/*.wav")):
        path.rename(path.with_name(path.stem + ".WAV"))
    found = build(CHALLENGE, folder, tmp_path / "b" / "corpus").corpus
    assert found.scenes["sha256"].tolist() == expected.scenes["sha256"].tolist()


def test_hidden_files_are_counted_once_and_not_imported(real, tmp_path):
    for name in ("._-0Ab_c_sweep_mic.wav", "._-0Ab_c_sweep_lpb.wav"):
        (real / name).write_bytes(b"\0\5\26\7Mac OS X")
    shutil.copytree(real, real / ".Trashes")
    corpus = build(CHALLENGE, real, tmp_path / "corpus").corpus
    assert len(corpus) == 6
    assert report(tmp_path / "corpus") == {".": ("yes", "15 hidden files were skipped")}


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff"])
def test_a_name_that_is_not_text_leaves_out_its_scene_alone(real, tmp_path, name):
    for end in ("mic", "lpb"):
        save(real / os.fsdecode(name + b"_doubletalk_" + end.encode() + b".wav"), samples(3))
    done = build(CHALLENGE, real, tmp_path / "corpus")
    assert len(done.corpus) == 6
    assert {problem.problem for problem in done.problems} == {
        "its name is not UTF-8, which ids of scenes have to be; rename it"
    }
    lines = (tmp_path / "corpus" / "import-report.csv").read_bytes()
    assert lines.count(name + b"_doubletalk_") == 2


@pytest.mark.parametrize("end", ["mic", "lpb"])
def test_a_recording_that_is_cut_off_or_there_twice_is_told(real, tmp_path, end):
    path = real / f"-0Ab_c_sweep_{end}.wav"
    path.write_bytes(path.read_bytes()[:-1001])
    soundfile.write(real / f"-0Ab_c_doubletalk_{end}.flac", samples(1), RATE)
    assert len(build(CHALLENGE, real, tmp_path / "corpus").corpus) == 4
    told = report(tmp_path / "corpus")
    assert "bytes that its header promises" in told[path.name][1]
    assert "shares its name with" in told[f"-0Ab_c_doubletalk_{end}.flac"][1]


def test_a_recording_of_unknown_length_is_imported(real, tmp_path):
    path = real / "-0Ab_c_sweep_mic.wav"
    x = soundfile.read(path, dtype="int16")[0]
    path.unlink()
    path = path.with_suffix(".flac")
    soundfile.write(path, x, RATE)
    data = bytearray(path.read_bytes())
    data[21] &= 0xF0
    data[22:26] = bytes(4)
    path.write_bytes(data)
    done = build(CHALLENGE, real, tmp_path / "corpus")
    assert (len(done.corpus), done.problems) == (6, [])


def tones(rate: int, seconds: float = 1.0) -> np.ndarray:
    """Two tones, one of them below the band of 16 kHz and one above it."""
    t = np.arange(round(rate * seconds)) / rate
    return np.rint(8000 * (np.sin(2 * np.pi * 1000 * t) + np.sin(2 * np.pi * 12_000 * t))).astype(np.int16)


@pytest.fixture
def sets(tmp_path):
    """Recordings of several sets, in the spellings and at the rates of the challenge."""
    folder = tmp_path / "datasets"
    blind, clean = folder / "blind_test_set_icassp2023" / "doubletalk", folder / "test_set" / "clean"
    for role in ("mic", "lpb", "enrl"):
        save(blind / f"0Ab-C_doubletalk-with-movement_{role}.wav", tones(48_000), 48_000)
    for role in ("mic_c", "lpb"):
        save(clean / f"9z_d_farend_singletalk_{role}.wav", tones(RATE))
    for role in ("mic", "lpb"):
        save(folder / "real" / f"9z_d_sweep_{role}.wav", tones(RATE))
    return folder


def test_sets_spellings_movement_and_enrolment_are_told_by_the_names(sets, tmp_path):
    done = build(CHALLENGE, sets, tmp_path / "corpus")
    assert done.problems == []
    table = done.corpus.scenes.set_index("scene")
    table.index = table.index.str.removeprefix("corpus/test/")
    columns = ["talk", "facts.set", "facts.device", "facts.movement", "facts.enrolment", "facts.background"]
    assert table[columns].astype(object).where(table[columns].notna(), None).T.to_dict("list") == {
        "blind_test_set_icassp2023/doubletalk/0Ab-C_doubletalk-with-movement": [
            "double",
            "blind_test_set_icassp2023",
            "0Ab-C",
            True,
            True,
            None,
        ],
        "real/9z_d_sweep": ["sweep", "real", "9z_d", False, False, None],
        "test_set/clean/9z_d_farend_singletalk": [
            "far_single",
            "test_set_icassp2021",
            "9z_d",
            False,
            False,
            "clean",
        ],
    }


def test_recordings_at_48_khz_are_brought_to_the_rate_of_the_corpus(sets, tmp_path):
    corpus = build(CHALLENGE, sets, tmp_path / "corpus").corpus
    assert corpus.scenes["rate"].unique().tolist() == [RATE]
    scene, signals, _ = corpus[0]
    assert (scene.facts["stored_rate"], scene.duration, signals.mic.size) == (48_000, 1.0, RATE)
    expected = 8000 / 2**15 * np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE)
    middle = slice(1000, -1000)
    np.testing.assert_allclose(signals.mic[middle], expected[middle], atol=2e-4)


def test_recordings_at_48_khz_can_stay_so_and_others_are_then_named(sets, tmp_path):
    done = build(CHALLENGE, sets, tmp_path / "corpus", rate=48_000)
    (item,) = done.corpus
    np.testing.assert_array_equal(np.rint(item.signals.mic * 2.0**15), tones(48_000))
    assert item.scene.rate == 48_000
    assert {problem.problem for problem in done.problems} == {
        "is at 16000 Hz, less than the 48000 Hz of the corpus; import it with --rate 16000"
    }
    other = build(CHALLENGE, sets / "blind_test_set_icassp2023", tmp_path / "16" / "corpus").corpus
    alike = build(CHALLENGE, sets / "blind_test_set_icassp2023", tmp_path / "48" / "corpus", rate=48_000).corpus
    assert other.id != alike.id


@pytest.mark.parametrize("split", ["train", "val"])
def test_a_blind_test_set_is_for_tests_alone(sets, tmp_path, split):
    with pytest.raises(UsageError, match="blind test set, which are for --split test alone"):
        build(CHALLENGE, sets, tmp_path / "corpus", split=split)


def test_intervals_take_recordings_of_one_device_as_dependent(sets, tmp_path):
    table = evaluate("passthrough", build(CHALLENGE, sets, tmp_path / "corpus").corpus, ["erle"])
    assert table.effective == "3 scenes, 2 devices"


def test_a_set_that_was_fetched_is_imported_by_its_name(aecbench, sets, monkeypatch):
    monkeypatch.setenv("AECBENCH_DATA", str(sets.parent))
    listed = sets.parent / "packs" / "lab"
    listed.mkdir(parents=True)
    (listed / "about.toml").write_text('title = "x"\nhomepage = ""\nlicence = ""\nurl = "http://localhost/"\n')
    files = [f"datasets/real/{name}" for name in ("9z_d_sweep_mic.wav", "9z_d_sweep_lpb.wav", "not_here_mic.wav")]
    lines = "".join(f"{file},{64 * '0'},1\n" for file in files)
    (listed / "real.csv.xz").write_bytes(lzma.compress(f"path,sha256,bytes\n{lines}".encode()))
    monkeypatch.setattr("aecbench.assets.folder", lambda kind: sets.parent / kind)
    save(sets / "real" / "0not_listed_sweep_mic.wav", tones(RATE))
    result = aecbench("import", "aec-challenge", "lab/real", "--out", "corpora/real", "--jobs", 1, "--split", "train")
    assert result.exit_code == 0, result.output
    scenes = open_corpus("corpora/real").scenes
    assert scenes[["scene", "index"]].to_numpy().tolist() == [["real/train/9z_d_sweep", 0]]
    both = aecbench("import", "aec-challenge", "lab/real", str(sets), "--out", "corpora/both")
    assert (both.exit_code, both.stderr.count("expected one folder, or the names of sets")) == (2, 1)


@pytest.fixture
def meanwhile(monkeypatch):
    """Lets another process act between the checks of an import and its work."""

    def meanwhile(act):
        def begin(path):
            new_folder(path)
            act(path)

        monkeypatch.setitem(build.__globals__, "new_folder", begin)

    return meanwhile


def test_two_processes_do_not_import_into_one_folder(synthetic, tmp_path, meanwhile):
    with ExitStack() as held:
        meanwhile(lambda path: held.enter_context(locked(path.parent)))
        with pytest.raises(OutputError, match="corpus: another process is writing there"):
            build(CHALLENGE, synthetic[0], tmp_path / "corpus")


def test_what_another_process_has_imported_meanwhile_stays(synthetic, tmp_path, meanwhile):
    meanwhile(lambda path: (path / "a.h5").touch())
    with pytest.raises(OutputError, match="corpus: another process has imported there meanwhile"):
        build(CHALLENGE, synthetic[0], tmp_path / "corpus")
    assert [path.name for path in (tmp_path / "corpus" / "shards").iterdir()] == ["a.h5"]
