import ctypes
import hashlib
import json
import os
import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import espeakng_loader
import joblib
import numpy as np
import pytest

from aecbench.errors import MissingExtra, SourceError
from aecbench.scenes.files import SPLITS
from aecbench.scenes.speech import espeak, open_speech
from aecbench.scenes.speech.espeak import SPEAKERS

RNG = np.random.default_rng(11)
SENTENCES = [(name, espeak.sentence(SPEAKERS[name].language, RNG)) for name in sorted(SPEAKERS)[::7]]  # all variants


def spoken(job: tuple[str, str]) -> str:
    """Hash of an utterance that is really spoken, not remembered."""
    name, text = job
    return hashlib.sha256(espeak._synthesise(SPEAKERS[name], text)).hexdigest()


@pytest.fixture(scope="module")
def source():
    return open_speech("espeak")


@pytest.fixture(scope="module")
def expected():
    return {job: spoken(job) for job in SENTENCES}


def test_there_are_many_speakers_and_they_are_divided_completely(source):
    parts = {split: source.speakers(split) for split in SPLITS}
    assert sorted(name for part in parts.values() for name in part) == sorted(SPEAKERS)
    assert {split: len(part) for split, part in parts.items()} == {"train": 201, "val": 29, "test": 58}


def test_no_two_speakers_sound_alike():
    assert len({spoken((name, "Bala mina.")) for name in SPEAKERS}) == len(SPEAKERS)


def test_order_changes_nothing(expected):
    for seed in range(3):
        jobs = np.random.default_rng(seed).permutation(np.array(SENTENCES, object))
        assert {tuple(job): spoken(tuple(job)) for job in jobs} == expected


def test_another_process_and_other_garbage_in_memory_change_nothing(expected, source):
    code = (
        "import hashlib, json, sys\n"
        "from aecbench.scenes.speech import espeak\n"
        "jobs = json.load(sys.stdin)\n"
        "say = lambda name, text: hashlib.sha256(espeak._synthesise(espeak.SPEAKERS[name], text)).hexdigest()\n"
        "print(json.dumps([[say(*job) for job in jobs], espeak.open_espeak().fingerprint]))\n"
    )
    jobs = SENTENCES[::-1]
    run = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "MALLOC_PERTURB_": "165", "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    hashes, fingerprint = json.loads(run.stdout)
    assert hashes == [expected[job] for job in jobs]
    assert fingerprint == source.fingerprint


def test_worker_processes_change_nothing(expected):
    hashes = joblib.Parallel(n_jobs=2)(joblib.delayed(spoken)(job) for job in SENTENCES)
    assert hashes == [expected[job] for job in SENTENCES]


def test_threads_change_nothing(expected):
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(spoken, SENTENCES)) == [expected[job] for job in SENTENCES]


def test_a_library_that_does_not_forget_is_refused():
    held = ctypes.CDLL(espeakng_loader.get_library_path())
    try:
        with pytest.raises(SourceError, match="would not be reproducible"):
            espeak._check.__wrapped__()
    finally:
        espeak.unload(held._handle)


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(MissingExtra, match=r"pip install 'aecbench\[espeak\]'"):
        espeak._check.__wrapped__()


def test_playlist_lasts_as_long_as_asked(source):
    for name in sorted(SPEAKERS)[::40]:
        texts = source.playlist(name, 10.0, np.random.default_rng(1))
        sizes = [source.load(name, text, 16_000).size for text in texts]
        assert sum(sizes[:-1]) < 160_000 <= sum(sizes) + len(sizes)


def test_playlist_is_given_by_the_generator(source):
    name = min(SPEAKERS)
    lists = [source.playlist(name, 5.0, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert lists[0] == lists[1] != lists[2]


def test_speech_starts_at_once_and_ends_with_a_short_pause(source):
    for name, text in SENTENCES:
        x = source.load(name, text, 22_050)
        assert x.dtype == np.float32
        assert 32 / 32768 < abs(x[0]) < 1
        assert abs(x[-6616]) > 32 / 32768
        assert not x[-6615:].any()  # 0.3 s


def test_rate_changes_the_number_of_samples_only(source):
    name, text = SENTENCES[0]
    sizes = {rate: source.load(name, text, rate).size / rate for rate in (8_000, 16_000, 48_000)}
    assert max(sizes.values()) - min(sizes.values()) < 1e-3


def test_speech_is_neither_clipped_nor_faint(source):
    for name, text in SENTENCES:
        x = source.load(name, text, 22_050)
        assert np.mean(np.abs(x) > 0.999) < 1e-3
        assert np.sqrt(np.mean(x**2)) > 0.03


def test_a_text_without_sound_is_refused(source):
    with pytest.raises(SourceError, match="no sound for the text ' '"):
        source.load(min(SPEAKERS), " ", 16_000)


def test_a_speaker_of_another_version_is_refused(source):
    with pytest.raises(SourceError, match="has no speaker 'tlh"):
        source.load("tlh+m1 p50 i50 w150", "Qapla!", 16_000)


def test_a_source_survives_pickling(source):
    assert pickle.loads(pickle.dumps(source)).fingerprint == source.fingerprint


def test_a_talker_starts_with_the_beginning_of_a_sentence(source):
    name = source.speakers("test")[0]
    (text, *_) = source.playlist(name, 1.0, np.random.default_rng(0))
    assert source.start(name, text, np.random.default_rng(0)) == 0
    np.testing.assert_array_equal(source.load(name, text, 16_000, start=0.1), source.load(name, text, 16_000)[1600:])
