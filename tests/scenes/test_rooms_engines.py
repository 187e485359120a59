"""What every engine must do, and what the image engine does besides."""

import numpy as np
import pytest

from aecbench.dsp.levels import db
from aecbench.errors import UsageError
from aecbench.scenes.rooms import ENGINES, images
from aecbench.scenes.rooms.air import air_absorption
from aecbench.scenes.rooms.shoebox import SPEED_OF_SOUND
from aecbench.scenes.rooms.spectrum import centres

RATE = 16_000
SIZE = (6.0, 5.0, 3.0)
SOURCE, MICROPHONE = (2.0, 1.5, 1.2), (4.0, 3.2, 1.4)
SAMPLE = SPEED_OF_SOUND / RATE  # metres that sound travels per sample


@pytest.fixture(params=sorted(ENGINES))
def engine(request):
    return ENGINES[request.param]


def response(engine, absorption, source=SOURCE, microphone=MICROPHONE, *, length=1600, high_pass=False, **options):
    return engine(SIZE, [source], [microphone], absorption, rate=RATE, length=length, high_pass=high_pass, **options)[
        0, 0
    ]


def error_db(x, reference):
    return db(np.sum((x - reference) ** 2.0) / np.sum(reference**2.0))


@pytest.mark.parametrize("samples", [1, 7, 100])
def test_direct_sound_comes_after_distance_over_speed_and_falls_with_distance(engine, samples):
    x = response(engine, 1.0, microphone=(SOURCE[0] + samples * SAMPLE, *SOURCE[1:]))
    expected = np.zeros(len(x))
    expected[samples] = 1 / (samples * SAMPLE)
    assert error_db(x, expected) < -55


def test_direct_sound_between_samples_is_delayed_by_a_fraction(engine):
    spectrum = np.fft.rfft(response(engine, 1.0, microphone=(SOURCE[0] + 50.3 * SAMPLE, *SOURCE[1:])))
    below_4_khz = np.arange(len(spectrum) // 2)
    delay = -np.polyfit(below_4_khz, np.unwrap(np.angle(spectrum[below_4_khz])), 1)[0] * 1600 / (2 * np.pi)
    assert delay == pytest.approx(50.3, abs=0.001)


@pytest.mark.parametrize("wall", range(6))
def test_one_reflecting_wall_gives_one_mirror_image(engine, wall):
    absorption = np.ones(6)
    absorption[wall] = 0.75  # half the pressure comes back
    x = response(engine, absorption) - response(engine, np.ones(6))
    axis, far = divmod(wall, 2)
    image = np.array(SOURCE)
    image[axis] = 2 * SIZE[axis] * far - image[axis]
    distance = np.linalg.norm(image - MICROPHONE)
    frequencies = np.fft.rfftfreq(len(x), 1 / RATE)
    expected = 0.5 / distance * np.exp(-2j * np.pi * frequencies * distance / SPEED_OF_SOUND)
    np.testing.assert_allclose(np.fft.rfft(x)[frequencies < 7000], expected[frequencies < 7000], atol=5e-4)


def test_source_and_microphone_can_be_exchanged(engine):
    absorption = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    there, back = response(engine, absorption), response(engine, absorption, MICROPHONE, SOURCE)
    assert error_db(back, there) < -60


def test_several_sources_and_microphones_are_as_one_by_one(engine):
    sources, microphones = [SOURCE, (1.0, 4.0, 2.0)], [MICROPHONE, (5.0, 1.0, 1.0), (0.3, 0.2, 0.1)]
    together = engine(SIZE, sources, microphones, 0.4, rate=RATE, length=800)
    assert together.shape == (2, 3, 800)
    assert together.dtype == np.float32
    one_by_one = [[response(engine, 0.4, s, m, length=800, high_pass=True) for m in microphones] for s in sources]
    np.testing.assert_array_equal(together, one_by_one)


def test_a_longer_response_begins_with_the_shorter_one(engine):
    np.testing.assert_allclose(response(engine, 0.3)[:1000], response(engine, 0.3, length=1000), atol=2e-6)


def test_high_pass_takes_away_what_is_below_10_hz_and_comes_late(engine):
    with_it, without = (response(engine, 1.0, length=RATE // 4, high_pass=flag) for flag in (True, False))
    gain = np.abs(np.fft.rfft(with_it) / np.fft.rfft(without))
    assert gain[0] < 0.01
    for frequency in (8, 20, 100):  # second-order Butterworth, twice
        assert gain[frequency // 4] == pytest.approx(1 / (1 + (10 / frequency) ** 4), abs=0.003)
    arrival = int(np.linalg.norm(np.subtract(SOURCE, MICROPHONE)) / SAMPLE)
    np.testing.assert_array_equal(with_it[: arrival - 41], 0)


def test_equal_octave_bands_are_no_bands(engine):
    walls = np.array([[0.1], [0.2], [0.3], [0.4], [0.5], [0.6]])
    assert error_db(response(engine, np.repeat(walls, 7, axis=1)), response(engine, walls)) < -100


def test_a_room_with_bands_is_at_each_centre_the_room_of_that_band(engine):
    absorption = np.tile([0.5, 0.6, 0.7, 0.8, 0.6, 0.5, 0.9], (6, 1))
    length = RATE // 4  # long enough for all reverberation, with a bin at each centre
    mixed = np.fft.rfft(response(engine, absorption, length=length))
    for band, centre in enumerate(centres(6)):
        alone = np.fft.rfft(response(engine, absorption[:, band], length=length))
        k = int(centre * length / RATE)
        assert abs(mixed[k] - alone[k]) < 0.03 * abs(alone[k])


def test_air_absorbs_by_distance_and_frequency(engine):
    loss = np.fft.rfft(response(engine, 1.0, humidity=20)) / np.fft.rfft(response(engine, 1.0))
    distance = np.linalg.norm(np.subtract(SOURCE, MICROPHONE))
    expected = np.exp(-air_absorption(centres(6), 20) * distance / 2)
    np.testing.assert_allclose(np.abs(loss[(centres(6) / 10).astype(int)]), expected, rtol=0.003)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"size": (6.0, 5.0)}, "three positive lengths"),
        ({"size": (6.0, -5.0, 3.0)}, "three positive lengths"),
        ({"sources": [[6.5, 1.0, 1.0]]}, "source at .6.5, 1.0, 1.0. m is not inside"),
        ({"microphones": [1.0, 1.0, 1.0]}, "microphones have the shape"),
        ({"microphones": [[np.nan, 1.0, 1.0]]}, "microphone at .* is not inside"),
        ({"microphones": [SOURCE]}, "same point"),
        ({"absorption": 1.2}, "from 0 to 1"),
        ({"absorption": [0.1, 0.2]}, "absorption has the shape"),
    ],
)
def test_what_cannot_be_is_refused(engine, changes, words):
    room = {"size": SIZE, "sources": [SOURCE], "microphones": [MICROPHONE], "absorption": 0.3} | changes
    with pytest.raises(UsageError, match=words):
        engine(**room, rate=RATE, length=100)


def test_engines_agree_over_random_rooms():
    rng = np.random.default_rng(0)
    for _ in range(10):
        size = rng.uniform([2.5, 2.5, 2.2], [8, 7, 4])
        points = rng.uniform(0.2, size - 0.2, (2, 1, 3))
        absorption, length = rng.uniform(0.1, 0.8, 6), int(RATE * rng.uniform(0.1, 0.3))
        ours, reference = (
            ENGINES[name](size, *points, absorption, rate=RATE, length=length, high_pass=False)
            for name in ("images", "pyroomacoustics")
        )
        assert error_db(ours, reference) < -50


def test_the_number_of_threads_changes_no_bit():
    absorption = np.linspace(0.1, 0.7, 42).reshape(6, 7)
    one, two, five = (
        ENGINES["images"](
            SIZE, [SOURCE, (1, 1, 1)], [MICROPHONE], absorption, rate=RATE, length=3000, humidity=50, threads=threads
        )
        for threads in (1, 2, 5)
    )
    np.testing.assert_array_equal(two, one)
    np.testing.assert_array_equal(five, one)


def test_settings_of_pyroomacoustics_are_left_as_they_were():
    pra = pytest.importorskip("pyroomacoustics")
    before = pra.constants.get("rir_hpf_enable"), pra.constants.get("num_threads")
    response(ENGINES["pyroomacoustics"], 0.9, length=100)
    assert (pra.constants.get("rir_hpf_enable"), pra.constants.get("num_threads")) == before


def test_octaves_that_walls_absorb_alike_are_computed_once_and_are_the_same(monkeypatch):
    size, source, microphone = (4.0, 3.0, 2.5), [(1.0, 1.0, 1.2)], [(2.0, 1.5, 1.1)]
    alike = np.tile([[0.3, 0.3, 0.3, 0.5, 0.5]], (6, 1))
    computed = []
    response = images._response

    def counted(*arguments):
        computed.append(arguments)
        return response(*arguments)

    monkeypatch.setattr(images, "_response", counted)
    once = images.impulse_responses(size, source, microphone, alike, rate=16_000, length=2000)
    assert len(computed) == 2
    barely = alike + 1e-12 * np.arange(5)
    each = images.impulse_responses(size, source, microphone, barely, rate=16_000, length=2000)
    assert len(computed) == 7
    np.testing.assert_allclose(once, each, atol=1e-6 * np.abs(each).max())
