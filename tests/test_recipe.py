"""Recipes that take what they do not say from another one."""

import pytest

from aecbench.errors import AecbenchError, ConfigError
from aecbench.recipe import read_recipe

BASE = """
name = "base"
[splits]
test = 4
[levels]
ser = {uniform = [-5, 5]}
far = -20
[loudspeaker]
model = "excursion"
[loudspeaker.parameters.excursion]
drive = {uniform = [1, 4]}
offset = 0.01
"""


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Write the recipe on top of the base, and read it."""
    monkeypatch.chdir(tmp_path)

    def read(text):
        (tmp_path / "base.toml").write_text(BASE)
        (tmp_path / "loop.toml").write_text('base = "mine.toml"')
        (tmp_path / "mine.toml").write_text(text, encoding="utf-8", newline="")
        return read_recipe("mine.toml")

    return read


def test_tables_are_merged_and_distributions_replaced(written):
    spec = written(
        'base = "base.toml"\nname = "mine"\n[levels]\nser = {choice = [0, 5]}\n'
        "[loudspeaker.parameters.excursion]\ndrive = 2\n"
    )
    assert spec.name == "mine"
    assert spec.splits.test == 4
    assert spec.levels.ser.extremes == (0, 5)
    assert spec.levels.far.extremes == (-20,)
    drive, offset = (spec.loudspeaker.parameters["excursion"][name].extremes for name in ("drive", "offset"))
    assert (drive, offset) == ((2,), (0.01,))


def test_a_recipe_with_a_base_is_the_one_that_says_all_itself(written):
    whole = BASE.replace('name = "base"', 'name = "mine"').replace("far = -20", "far = -30")
    assert written(whole) == written('base = "base.toml"\nname = "mine"\n[levels]\nfar = -30\n')


def test_a_base_may_have_a_base(written):
    spec = written('base = "synthetic-v2"\nname = "mine"\n[levels]\nser = 0\n')
    assert (spec.speech.source, spec.loudspeaker.rattle.share) == ("espeak", 0.1)  # of synthetic-v2, of devices-v1
    assert spec.levels.ser.extremes == (0,)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('base = "mine.toml"', "mine.toml: its base, mine.toml, is based on mine.toml itself"),
        ('base = "loop.toml"', "loop.toml: its base, mine.toml, is based on loop.toml itself"),
        ("base = 3", "mine.toml: base is 3, expected the name of a recipe in quotes"),
        ('base = "lost.toml"', "mine.toml: its base, lost.toml, is not a file in .*; correct its path"),
        ('base = "devices-v2"', "did you mean 'devices-v1'"),
        ('base = "base.toml"\nlevls = 3', "mine.toml: unknown key 'levls': did you mean 'levels'"),
    ],
)
def test_a_wrong_base_is_told(written, text, says):
    with pytest.raises(AecbenchError, match=says):
        written(text)


@pytest.mark.parametrize("scenes", [0, -1, 2.5, 10**9])
def test_an_impossible_number_of_scenes_is_a_mistake_of_the_caller(scenes):
    with pytest.raises(ConfigError, match=r"^number of scenes: .*(above 0|got)"):
        read_recipe("quickstart-v2", scenes=scenes)


def test_a_recipe_from_an_editor_of_windows_is_read(written):
    assert written('\ufeffbase = "base.toml"\r\nname = "mine"\r\n') == written('base = "base.toml"\nname = "mine"\n')
