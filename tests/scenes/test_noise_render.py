import numpy as np
import pytest
import soundfile

from aecbench.errors import SourceError, UnknownName
from aecbench.scenes.noise import NOISES, open_noise, render_noise
from aecbench.scenes.scene import Noise, Speech

RATE = 8000


class Talkers:
    """A speaker is white noise as loud as the name says."""

    def load(self, speaker, utterance, rate, seconds=None, start=0.0):
        return float(speaker) * np.random.default_rng(int(utterance)).standard_normal(rate).astype(np.float32)


def voice(speaker, utterance):
    return Speech(speaker=speaker, utterances=(utterance,), spans=((0.0, 10.0),))


@pytest.mark.parametrize("kind", sorted(NOISES))
def test_synthetic_noise_is_given_by_its_seed(kind):
    one, same, other = (render_noise(Noise(kind=kind, seed=seed), 1000, RATE, None, None) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def test_babble_has_every_voice_at_the_same_level():
    loud, faint = voice("1", "1"), voice("0.01", "2")
    both = render_noise(Noise(kind="babble", voices=(loud, faint)), RATE, RATE, None, Talkers())
    alone = [
        render_noise(Noise(kind="babble", voices=(talker,)), RATE, RATE, None, Talkers()) for talker in (loud, faint)
    ]
    np.testing.assert_allclose(both, sum(alone), atol=1e-6)
    np.testing.assert_allclose([np.mean(x**2) for x in alone], 1, rtol=1e-3)


def test_recorded_noise_begins_where_the_scene_says(tmp_path):
    x = np.random.default_rng(0).uniform(-0.5, 0.5, 2 * RATE).astype(np.float32)
    soundfile.write(tmp_path / "a.wav", x, RATE, subtype="FLOAT")
    noise = Noise(kind="recorded", file="a.wav", start=0.25)
    np.testing.assert_array_equal(render_noise(noise, RATE, RATE, open_noise(str(tmp_path)), None), x[2000:10_000])


def test_rendering_does_not_change_what_the_source_remembers(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.full(RATE, 0.5), RATE)
    source = open_noise(str(tmp_path))
    noise = Noise(kind="recorded", file="a.wav")
    first = render_noise(noise, 2 * RATE, RATE, source, None).copy()
    np.testing.assert_array_equal(render_noise(noise, 2 * RATE, RATE, source, None), first)


def test_silent_noise_is_refused(tmp_path):
    soundfile.write(tmp_path / "a.wav", np.zeros(RATE), RATE)
    with pytest.raises(SourceError, match=r"noise 'a\.wav' is silent"):
        render_noise(Noise(kind="recorded", file="a.wav"), 100, RATE, open_noise(str(tmp_path)), None)


def test_a_missing_source_is_named():
    with pytest.raises(SourceError, match="--noise"):
        render_noise(Noise(kind="recorded", file="a.wav"), 100, RATE, None, None)
    with pytest.raises(SourceError, match="--speech"):
        render_noise(Noise(kind="babble", voices=(voice("1", "1"),)), 100, RATE, None, None)


def test_an_unknown_kind_gets_advice():
    with pytest.raises(UnknownName, match="unknown noise 'pinc': did you mean 'pink'"):
        render_noise(Noise(kind="pinc"), 100, RATE, None, None)
