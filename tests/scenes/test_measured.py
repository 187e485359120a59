import pickle

import numpy as np
import pytest
import soundfile

from aecbench.errors import SourceError
from aecbench.scenes.files import SPLITS
from aecbench.scenes.rooms.measured import open_rirs

ROOMS = ("lab_booth", "lab_hall", "lab_office", "lab_stairs", "uni_chapel", "uni_library")


@pytest.fixture
def folder(tmp_path):
    """Six rooms with three responses each, told apart by their file names."""
    for room in ROOMS:
        for position in range(3):
            x = np.random.default_rng(position).standard_normal(800) * np.exp(-np.arange(800) / 50) / 10
            soundfile.write(tmp_path / f"{room}_mic_{position}.wav", x, 8000, subtype="FLOAT")
    return tmp_path


def test_rooms_are_disjoint_between_splits_and_complete(folder):
    source = open_rirs(str(folder))
    assert sorted(room for split in SPLITS for room in source.rooms(split)) == list(ROOMS)


def test_responses_are_those_of_the_room(folder):
    assert open_rirs(str(folder)).responses("uni_chapel") == tuple(f"uni_chapel_mic_{index}.wav" for index in range(3))


def test_manifest_may_name_the_rooms(folder):
    rows = ["file,kind,room,attribution"]
    rows += [f"{path.name},rir,{path.name[0]},us" for path in sorted(folder.glob("*.wav"))]
    (folder / "m.csv").write_text("\n".join(rows))
    assert len(open_rirs(str(folder / "m.csv")).responses("u")) == 6


def test_manifest_without_rooms_goes_by_the_file_names(folder):
    rows = ["file,kind", *(f"{folder.name}/{path.name},rir" for path in sorted(folder.glob("*.wav")))]
    manifest = folder.parent / f"{folder.name}.csv"
    manifest.write_text("\n".join(rows))
    source = open_rirs(str(manifest))
    assert sorted(room for split in SPLITS for room in source.rooms(split)) == list(ROOMS)


def test_resampling_keeps_the_frequency_response(folder):
    source = open_rirs(str(folder))
    file = source.responses("lab_hall")[0]
    narrow, wide = (np.fft.rfft(source.load(file, rate), rate) for rate in (8000, 16_000))  # bins of 1 Hz
    assert np.abs(wide[200:3000] - narrow[200:3000]).max() < 0.02 * np.abs(narrow).max()


def test_one_room_is_not_enough_for_training(tmp_path):
    soundfile.write(tmp_path / "hall_1.wav", np.ones(10) / 2, 8000)
    with pytest.raises(SourceError, match=r"1 room\(s\) found, 0 of them in split 'train'.* with 5 rooms"):
        open_rirs(str(tmp_path)).rooms("train")


def test_a_source_survives_pickling(folder):
    source = open_rirs(str(folder))
    assert pickle.loads(pickle.dumps(source)).fingerprint == source.fingerprint
