"""Remixed examples. Levels are asked for in distributions of one value, so that they can be compared."""

import copy
import gc
import hashlib
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from torch.utils.data import DataLoader

from aecbench.corpus import Remix
from aecbench.dsp.levels import active_power, db
from aecbench.errors import CorpusError, UsageError
from aecbench.scenes.distribution import Distribution
from aecbench.signals import Signals

RATE = 16_000
EPOCHS, ROUNDS = 3, 6  # how often an epoch goes through the corpus
LEVELS = {name: Distribution(uniform=(-10, 20)) for name in ("ser", "snr", "gain")}


def at(value: float) -> Distribution:
    return Distribution(constant=value)


def level(x: np.ndarray) -> float:
    return float(db(active_power(x, RATE)))


def fingerprint(signals: Signals) -> str:
    return hashlib.sha256(np.stack(signals).tobytes()).hexdigest()


@pytest.fixture(scope="module")
def remix(corpus):
    return Remix(corpus, 1.5, seed=3, **LEVELS)


def test_mic_is_the_sum_of_its_stems_exactly(remix):
    for mic, _, near, echo, noise in remix:
        np.testing.assert_array_equal(mic, near + echo + noise)


def test_examples_are_crops_in_float32(remix):
    assert len(remix) == 8
    for signals in remix:
        assert {(x.shape, x.dtype) for x in signals} == {((24_000,), np.dtype("float32"))}


def test_examples_depend_on_the_epoch_and_come_again(corpus):
    remix = Remix(corpus, 1.5, **LEVELS)
    first = [fingerprint(signals) for signals in remix]
    remix.set_epoch(1)
    assert not {fingerprint(signals) for signals in remix} & set(first)
    remix.set_epoch(0)
    assert [fingerprint(signals) for signals in remix] == first


def test_examples_do_not_depend_on_the_order(remix):
    assert [fingerprint(remix[i]) for i in reversed(range(8))] == [fingerprint(signals) for signals in remix][::-1]


def test_another_seed_gives_other_examples(corpus, remix):
    assert fingerprint(Remix(corpus, 1.5, seed=4, **LEVELS)[0]) != fingerprint(remix[0])


def double_talk(remix: Remix) -> list[Signals]:
    """The examples in which both ends talk."""
    found = [signals for signals in remix if signals.near.any() and signals.echo.any()]
    assert found
    return found


@pytest.mark.parametrize("ser", [-20, 0, 7])
def test_the_near_end_has_the_ser_over_its_active_frames(corpus, ser):
    for signals in double_talk(Remix(corpus, 3.0, ser=at(ser))):
        assert level(signals.near) - level(signals.echo) == pytest.approx(ser, abs=0.01)


@pytest.mark.parametrize("snr", [0, 30])
def test_the_noise_has_the_snr_against_the_near_end(corpus, snr):
    for signals in double_talk(Remix(corpus, 3.0, ser=at(3), snr=at(snr))):
        assert level(signals.near) - level(signals.noise) == pytest.approx(snr, abs=0.01)


def test_without_near_end_the_noise_has_the_snr_against_the_echo(corpus):
    alone = Remix(corpus.where(talk="far_single"), 3.0, snr=at(15))
    assert len(alone) > 0
    for signals in alone:
        assert level(signals.echo) - level(signals.noise) == pytest.approx(15, abs=0.01)


def test_the_gain_is_that_of_the_microphone(corpus):
    for plain, quiet in zip(Remix(corpus, 2.0), Remix(corpus, 2.0, gain=at(-20)), strict=True):
        np.testing.assert_array_equal(quiet.far, plain.far)
        for x, y in zip(plain._replace(far=plain.mic), quiet._replace(far=quiet.mic), strict=True):
            np.testing.assert_allclose(10 * y, x, rtol=1e-4, atol=1e-6)


def test_a_mic_that_would_exceed_full_scale_is_scaled_down_with_its_stems(corpus):
    for signals in double_talk(Remix(corpus, 3.0, ser=at(0), snr=at(20), gain=at(60))):
        assert np.abs(signals.mic).max() == pytest.approx(0.99, abs=1e-6)
        assert level(signals.near) - level(signals.echo) == pytest.approx(0, abs=0.01)


def test_a_stem_that_is_silent_in_the_crop_is_left_as_it_is(corpus):
    silent = 0
    for epoch in range(6):
        plain, mixed = Remix(corpus, 0.5), Remix(corpus, 0.5, ser=at(-60))
        plain.set_epoch(epoch)
        mixed.set_epoch(epoch)
        for x, y in zip(plain, mixed, strict=True):
            if not (x.near.any() and x.echo.any()):
                np.testing.assert_array_equal(x, y)
                silent += 1
    assert silent > 5


def test_without_levels_and_pairs_a_crop_is_that_of_the_scene(corpus):
    for index, signals in enumerate(Remix(corpus, 3.0, pair=False)):
        for x, y in zip(signals, corpus[index].signals, strict=True):
            np.testing.assert_allclose(x, y, rtol=0, atol=1e-6)


def test_near_end_and_noise_come_from_other_scenes_of_the_split(corpus):
    scenes = {
        stem.tobytes(): item.scene for item in corpus for stem in (item.signals.near, item.signals.noise) if stem.any()
    }
    for item, signals in zip(corpus, Remix(corpus, 3.0), strict=True):
        sources = [scenes[stem.tobytes()] for stem in (signals.near, signals.noise) if stem.any()]
        assert {source.split for source in sources} <= {item.scene.split}
        if item.scene.split == "test":  # which has more than two scenes
            assert item.scene not in sources
            assert len({source.id for source in sources}) == len(sources)


def test_a_split_of_one_scene_is_paired_with_itself(corpus):
    alone = corpus.split("val")[:1]
    np.testing.assert_array_equal(Remix(alone, 3.0)[0].near, alone[0].signals.near)


def test_a_share_of_the_corpus_draws_for_a_scene_what_the_whole_draws(corpus):
    whole, share = Remix(corpus, 0.5, pair=False, **LEVELS), Remix(corpus.share(1, 2), 0.5, pair=False, **LEVELS)
    assert [fingerprint(share[i]) for i in range(4)] == [fingerprint(whole[i]) for i in range(4, 8)]


def test_copies_have_an_epoch_of_their_own(remix):
    for other in (pickle.loads(pickle.dumps(remix)), copy.deepcopy(remix)):
        assert fingerprint(other[5]) == fingerprint(remix[5])
        other.set_epoch(7)
        assert (other.epoch, remix.epoch) == (7, 0)


def test_an_index_past_the_end_is_an_index_error(remix):
    assert fingerprint(remix[-1]) == fingerprint(remix[7])
    with pytest.raises(IndexError):
        remix[8]


@pytest.mark.parametrize("seconds", [0, -1, 3.1, float("nan")])
def test_crops_longer_than_a_scene_are_refused(corpus, seconds):
    with pytest.raises(UsageError, match="at most the 3 s of a scene"):
        Remix(corpus, seconds)


@pytest.mark.parametrize("level", [Distribution(constant=61), Distribution(constant="loud")])
def test_levels_out_of_range_are_refused(corpus, level):
    with pytest.raises(UsageError, match=r"snr: got .* from -60 to 60 dB"):
        Remix(corpus, 1.0, snr=level)


def test_an_empty_corpus_is_refused(corpus):
    with pytest.raises(CorpusError, match="no scenes to learn from"):
        Remix(corpus.where(ser=99))


def resident(processes: list[int]) -> int:
    """Memory of the largest of some processes [pages]."""
    return max(int(Path(f"/proc/{process}/statm").read_text().split()[1]) for process in processes)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read from /proc")
@pytest.mark.filterwarnings("ignore:This DataLoader will create", "ignore:.*fork:DeprecationWarning")
@pytest.mark.parametrize(("workers", "start"), [(0, None), (4, "fork"), (2, "spawn")])
def test_epochs_are_the_same_in_any_worker_and_memory_does_not_grow(corpus, workers, start):
    remix, alone = Remix(corpus, 3.0, **LEVELS), Remix(corpus, 3.0, **LEVELS)
    loader = DataLoader(
        remix,
        batch_size=2,
        sampler=list(range(8)) * ROUNDS,
        num_workers=workers,
        persistent_workers=workers > 0,
        multiprocessing_context=start,
    )
    memory = []
    for epoch in range(EPOCHS):
        remix.set_epoch(epoch)
        alone.set_epoch(epoch)
        expected = [fingerprint(signals) for signals in alone] * ROUNDS
        batches = [Signals(*(x.numpy() for x in batch)) for batch in loader]
        found = [fingerprint(Signals(*rows)) for batch in batches for rows in zip(*batch, strict=True)]
        assert found == expected
        del batches
        gc.collect()
        ids = [worker.pid for worker in loader._iterator._workers] if workers else [os.getpid()]
        memory.append(resident(ids))
    assert max(memory[1:]) < 1.05 * memory[0]
