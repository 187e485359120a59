import numpy as np
import pytest

from aecbench.errors import ConfigError
from aecbench.scenes.rooms import place
from aecbench.scenes.rooms.placement import CLEARANCE

SIZE = (4.0, 3.0, 2.5)


def placements(number=200):
    rng = np.random.default_rng(0)
    for _ in range(number):
        device, talker = rng.uniform(0.02, 0.3), rng.uniform(0.3, 2.5)
        yield device, talker, place(SIZE, device, talker, rng)


def test_distances_are_those_asked_for():
    for device, talker, placed in placements():
        assert np.linalg.norm(np.subtract(placed.loudspeaker, placed.microphone)) == pytest.approx(device, abs=2e-3)
        assert np.linalg.norm(np.subtract(placed.talker, placed.microphone)) == pytest.approx(talker, abs=2e-3)


def test_walls_are_kept_clear():
    points = np.array([placed for *_, placed in placements()])
    assert (points >= CLEARANCE - 1e-9).all()
    assert (points <= np.subtract(SIZE, CLEARANCE) + 1e-9).all()
    assert points.min() < CLEARANCE + 0.02


def test_microphones_are_all_over_the_room():
    points = np.array([placed.microphone for *_, placed in placements()])
    np.testing.assert_allclose(points[:, :2].mean(0), [2.0, 1.5], atol=0.15)
    assert (points[:, :2].std(0) > 0.5).all()


def test_positions_are_short_decimals():
    for *_, placed in placements(20):
        assert all(value == round(value, 3) for point in placed for value in point)


def test_the_generator_decides():
    first, second = (place(SIZE, 0.1, 1.0, np.random.default_rng(7)) for _ in range(2))
    assert first == second
    assert first != place(SIZE, 0.1, 1.0, np.random.default_rng(8))


@pytest.mark.parametrize(
    ("size", "device", "talker"), [(SIZE, 0.1, 4.9), (SIZE, 5.0, 1.0), ((0.3, 3, 3), 0.1, 1), ((3, 3, 1.1), 0.1, 1)]
)
def test_a_room_without_such_places_is_refused_with_the_reason(size, device, talker):
    with pytest.raises(ConfigError, match=rf"no place for a loudspeaker {device:.2f} m and a talker {talker:.2f} m"):
        place(size, device, talker, np.random.default_rng(0))
