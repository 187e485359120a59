"""The contract of every speech source."""

import re

import numpy as np
import pytest

from aecbench.contract.audio import RATE
from aecbench.errors import NotInstalled
from aecbench.scenes.speech import TABLE, SpeechSource, open_speech

SPLITS = ("train", "val", "test")
SECONDS = 4.0


@pytest.fixture(params=TABLE.offered)
def name(request):
    return request.param


@pytest.fixture
def source(name):
    try:
        return open_speech(name)
    except NotInstalled as missing:
        pytest.skip(str(missing))


def playlist(source, speaker, seed=0):
    return source.playlist(speaker, SECONDS, np.random.default_rng(seed))


def test_it_is_a_speech_source(source):
    assert isinstance(source, SpeechSource)


def test_its_fingerprint_is_a_hash_and_stays(source, name):
    assert re.fullmatch("[0-9a-f]{64}", source.fingerprint)
    assert open_speech(name).fingerprint == source.fingerprint


def test_every_split_has_two_speakers_or_more_sorted_and_none_is_in_two(source):
    speakers = [list(source.speakers(split)) for split in SPLITS]
    for names in speakers:
        assert len(names) >= 2
        assert names == sorted(set(names))
    assert len({name for names in speakers for name in names}) == sum(map(len, speakers))


def test_a_playlist_comes_from_the_generator(source):
    speaker = source.speakers("test")[0]
    first = playlist(source, speaker)
    assert isinstance(first, tuple)
    assert first
    assert all(isinstance(key, str) for key in first)
    assert playlist(source, speaker) == first


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_utterances_are_sound_and_the_same_every_time(source, rate):
    speaker = source.speakers("test")[0]
    for key in playlist(source, speaker)[:3]:
        x = source.load(speaker, key, rate)
        assert x.ndim == 1
        assert x.size
        assert x.dtype == np.float32
        assert np.isfinite(x).all()
        assert 0 < np.abs(x).max() <= 1
        np.testing.assert_array_equal(source.load(speaker, key, rate), x)


def test_a_talker_starts_within_an_utterance_where_the_generator_says(source):
    speaker = source.speakers("test")[0]
    key = playlist(source, speaker)[0]
    lasting = source.load(speaker, key, RATE).size / RATE
    for seed in range(5):
        start = source.start(speaker, key, np.random.default_rng(seed))
        assert 0 <= start < lasting
        assert source.start(speaker, key, np.random.default_rng(seed)) == start


def test_an_utterance_from_a_later_moment_on_is_the_rest_of_it(source):
    speaker = source.speakers("test")[0]
    key = playlist(source, speaker)[0]
    whole, rest = source.load(speaker, key, RATE), source.load(speaker, key, RATE, None, 0.1)
    edge, later = round(0.01 * RATE), round(0.1 * RATE)  # a resampling filter need not have seen what came before
    assert abs(rest.size - max(0, whole.size - later)) <= 1
    compared = slice(edge, max(edge, whole.size - later - edge))
    np.testing.assert_allclose(rest[compared], whole[later:][compared], atol=1e-3)


def test_the_beginning_of_an_utterance_is_that_of_all_of_it(source):
    speaker = source.speakers("test")[0]
    key = playlist(source, speaker)[0]
    whole, start = source.load(speaker, key, RATE), source.load(speaker, key, RATE, 0.2)
    needed = min(whole.size, round(0.2 * RATE))
    assert start.size >= needed
    np.testing.assert_allclose(start[:needed], whole[:needed], atol=1e-3)
