"""Listings say what the recipes, systems and metrics themselves say, without importing them."""

import subprocess
import sys

import pytest

from aecbench.assets import names
from aecbench.cancellers.external.needs import SPEEXDSP
from aecbench.metrics import METRICS
from aecbench.recipe import read_recipe
from aecbench.report.listing import LISTINGS
from aecbench.scenes.spec import NOISE_KINDS
from aecbench.systems import load_system

SLOW = {"torch", "livekit.rtc", "numba", "scipy", "pandas", "matplotlib", "pyarrow", "h5py", "optuna"}
PROGRAM = """
import sys
from aecbench.cli import main
try:
    main({words})
finally:
    print(*sorted({slow} & set(sys.modules)), file=sys.stderr)
"""


def listed(what):
    return {row.name: row.about for row in LISTINGS[what]()}


def test_recipes_are_as_they_are_read_also_those_with_a_base():
    shown = listed("recipes")
    assert list(shown) == names("recipes")
    for name, about in shown.items():
        spec = read_recipe(name)
        counts = ", ".join(f"{n} {split}" for split, n in spec.splits.model_dump().items() if n)
        assert about.endswith(f". {counts} scenes of {spec.duration:g} s, speech from {spec.speech.source}")


def test_recipes_begin_with_the_first_sentence_of_their_file():
    shown = listed("recipes")
    assert shown["hard-v1"].startswith("Conditions that break cancellers: clock drift, ")
    assert shown["taslp2024-babble"].startswith("As taslp2024, with babble as the noise of every scene. 4000 train")
    assert all(about[0].isupper() and "#" not in about for about in shown.values())


@pytest.mark.parametrize("name", METRICS)
def test_metrics_say_what_they_measure_as_their_files_do(name):
    metric = METRICS[name]
    written = sys.modules[getattr(metric.fn, "func", metric.fn).__module__].__doc__
    sentence = " ".join(written.split()).partition(". ")[0].rstrip(".")
    assert listed("metrics")[name].endswith(f", {metric.better} is better. {sentence}.")


def test_only_what_needs_nothing_of_others_counts_as_shipped():
    origins = {row.name: row.origin for row in LISTINGS["models"]()}
    shipped = {name for name, origin in origins.items() if origin == "shipped"}
    assert shipped == {*names("baselines"), "oracle", "residual"}
    assert origins["speex"] == SPEEXDSP.title


def test_models_are_summed_up_as_by_their_cards():
    shown = listed("models")
    for name in ("kalman", "kalman_res", "passthrough"):
        assert shown[name] == load_system(name).summary
    assert shown["residual"] == "A linear canceller and gains behind it that suppress residual echo."


def test_noises_are_those_of_recipes():
    assert listed("sources")["noise"] == ", ".join(NOISE_KINDS)


COMMANDS = [["list"], ["list", "--json"], ["--help"], ["eval", "--help"], ["doctor", "--no-test"]]


def imported(words, slow):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(words=words, slow=slow)], capture_output=True, text=True
    )
    assert done.stdout
    return done.stderr.split()


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_nothing_slow_is_imported_to_tell_what_there_is(words):
    assert imported(words, SLOW) == []


def test_not_even_numpy_is_imported_for_lists():
    assert imported(["list"], {"numpy"}) == []
