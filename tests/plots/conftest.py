"""Corpora of a scene or two whose pictures are drawn."""

import numpy as np
import pytest
import soundfile

from aecbench.recipe import read_recipe
from aecbench.simulation import simulate

CHANGES = ["path.switch=1", "path.switches=2", "channel.jumps=1", "channel.gaps=2", "channel.volumes=1"]


@pytest.fixture(scope="session")
def changing(tmp_path_factory, recipe_file):
    """A corpus in whose scene all that can change does, behind a loudspeaker with memory."""
    spec = read_recipe(str(recipe_file), [*CHANGES, "loudspeaker.model=hammerstein"], split="test", scenes=1)
    return simulate(spec, tmp_path_factory.mktemp("changing") / spec.name)


@pytest.fixture(scope="session")
def moving(tmp_path_factory, recipe_file):
    """A corpus whose loudspeakers move."""
    spec = read_recipe(str(recipe_file), ["path.move=1"], split="test", scenes=1)
    return simulate(spec, tmp_path_factory.mktemp("moving") / spec.name)


@pytest.fixture(scope="session")
def cut_off(tmp_path_factory, recipe_file):
    """A corpus that keeps so little of its echo paths that they do not decay."""
    spec = read_recipe(str(recipe_file), ["room.response=0.003"], split="test", scenes=1)
    return simulate(spec, tmp_path_factory.mktemp("cut_off") / spec.name)


@pytest.fixture(scope="session")
def measured(tmp_path_factory, recipe_file):
    """A corpus of measured rooms."""
    folder = tmp_path_factory.mktemp("responses")
    decay = 10 ** (-3 * np.arange(3200) / 16_000 / 0.2)
    for room in range(10):
        for position in range(2):
            noise = np.random.default_rng(10 * room + position).normal(size=3200)
            path = folder / f"lab_room{room}_{position}.wav"
            soundfile.write(path, (0.1 * noise * decay).astype(np.float32), 16_000, subtype="FLOAT")
    spec = read_recipe(str(recipe_file), (), {"room.source": str(folder)}, split="test", scenes=1)
    return simulate(spec, tmp_path_factory.mktemp("measured") / spec.name)
