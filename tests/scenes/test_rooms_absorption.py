import numpy as np
import pytest

from aecbench.errors import UsageError
from aecbench.scenes.rooms import ENGINES, absorption_for, measured_rt60, place
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND

RATE = 16_000


def eyring(rt60, size):
    volume, surface = np.prod(size), 2 * (size[0] * size[1] + size[0] * size[2] + size[1] * size[2])
    return 1 - np.exp(-24 * np.log(10) * volume / (SPEED_OF_SOUND * surface * rt60))


def random_room(rng):
    return rng.uniform([3.0, 2.5, 2.3], [8.0, 6.0, 3.5])


def test_rendered_rooms_have_the_reverberation_time_asked_for():
    rng, errors = np.random.default_rng(0), []
    for _ in range(200):
        size, rt60 = random_room(rng), np.exp(rng.uniform(np.log(0.1), 0))
        speaker, microphone, talker = place(size, rng.uniform(0.02, 0.3), rng.uniform(0.3, 1.5), rng)
        responses = ENGINES["images"](
            size, [speaker, talker], [microphone], absorption_for(rt60, size), rate=RATE, length=round(RATE * rt60)
        )
        errors.append([measured_rt60(x, RATE) / rt60 - 1 for x in responses[:, 0]])
    assert np.isfinite(errors).all()
    assert (np.median(np.abs(errors), axis=0) < 0.06).all()


def test_walls_that_differ_give_the_same_reverberation_time():
    rng, errors = np.random.default_rng(0), []
    for _ in range(50):
        size, rt60 = random_room(rng), rng.uniform(0.3, 0.6)
        walls = rng.uniform(0.3, 1, 6)
        _, microphone, talker = place(size, 0.1, 1.2, rng)
        absorption = absorption_for(rt60, size, walls=walls)
        response = ENGINES["images"](size, [talker], [microphone], absorption, rate=RATE, length=round(RATE * rt60))
        errors.append(measured_rt60(response[0, 0], RATE) / rt60 - 1)
    assert np.median(np.abs(errors)) < 0.06


def test_a_cube_decays_almost_as_eyring_says_and_a_corridor_much_slower():
    cube, corridor = (3.0, 3.0, 3.0), (15.0, 2.0, 2.5)
    assert absorption_for(2.0, cube)[0, 0] == pytest.approx(eyring(2.0, cube), rel=0.07)
    assert absorption_for(2.0, corridor)[0, 0] > 1.5 * eyring(2.0, corridor)


def test_twice_the_room_takes_twice_the_time():
    np.testing.assert_allclose(absorption_for(0.8, (8, 6, 5)), absorption_for(0.4, (4, 3, 2.5)), rtol=1e-9)


def test_each_octave_band_gets_its_own_absorption():
    bands = absorption_for([0.6, 0.5, 0.4], (5, 4, 3))
    assert bands.shape == (6, 3)
    np.testing.assert_allclose(bands[:, 1:2], absorption_for(0.5, (5, 4, 3)))


def test_what_air_absorbs_the_walls_need_not():
    dry, humid = absorption_for([1.0] * 7, (5, 4, 3)), absorption_for([1.0] * 7, (5, 4, 3), humidity=50)
    assert (humid < dry).all()
    assert humid[0, 0] == pytest.approx(dry[0, 0], rel=0.01)  # 125 Hz
    assert humid[0, 6] < 0.6 * dry[0, 6]  # 8 kHz


def test_rooms_that_cannot_have_it_have_none():
    assert absorption_for(0.05, (8, 6, 4)) is None
    assert absorption_for([1.0] * 6 + [5.0], (5, 4, 3), humidity=20) is None  # air alone decays faster at 8 kHz


@pytest.mark.parametrize("walls", [(0,) * 6, (-1, 1, 1, 1, 1, 1)])
def test_walls_that_are_no_weights_are_refused(walls):
    with pytest.raises(UsageError, match="expected numbers from 0 on"):
        absorption_for(0.3, (5, 4, 3), walls=walls)
