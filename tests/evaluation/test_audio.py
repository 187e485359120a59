"""Outputs as audio: in memory, and as files that never replace each other."""

from dataclasses import dataclass

import numpy as np
import pytest
import soundfile

from aecbench.errors import UsageError
from aecbench.evaluation import evaluate, examples, outputs, scene_folder, with_echo
from aecbench.signals import STEMS
from aecbench.systems import System, load_system


@dataclass(frozen=True)
class Gain:
    """Turns everything down."""

    gain: float = 1.0
    latency: int = 0

    def cancel(self, mic, far):
        return self.gain * mic


def test_audio_of_scenes_is_written(corpus, tmp_path):
    evaluate(load_system("passthrough"), corpus.where(scene=corpus.scenes["scene"].iloc[-1]), ["erle"], audio=tmp_path)
    (folder,) = tmp_path.iterdir()
    assert {path.stem for path in folder.iterdir()} == {*STEMS, "passthrough"}
    mic, output = (soundfile.read(folder / f"{name}.wav")[0] for name in ("mic", "passthrough"))
    np.testing.assert_array_equal(mic, output)


def test_one_run_of_each_scene_writes_the_stems(corpus, tmp_path, monkeypatch):
    """Two processes that write the same file at the same time would take it away from each other."""
    written = []
    monkeypatch.setattr(
        "aecbench.evaluation.table.write_audio",
        lambda folder, item, made, *, stems: written.append((item.scene.id, *made, stems)),
    )
    systems = [System(name, Gain(), "tests:Gain", {}) for name in ("a", "b", "c")]
    few = corpus.split("test")[:2]
    evaluate(systems, few, ["erle"], audio=tmp_path)
    scenes = list(few.scenes["scene"])
    assert [(scene, stems) for scene, _, stems in written if stems] == [(scene, True) for scene in scenes]
    assert sorted(made for _, made, _ in written) == ["a", "a", "b", "b", "c", "c"]


@pytest.mark.parametrize("ids", [("s/1_doubletalk", "s-1_doubletalk"), ("a/b/c", "a-b/c"), ("a/b-c", "a-b-c")])
def test_no_two_scenes_share_a_folder(tmp_path, ids):
    folders = {scene_folder(tmp_path, f"corpus/test/{index}") for index in ids}
    assert len(folders) == 2


@pytest.mark.parametrize("names", [("mic",), ("a b", "a_b"), ("far", "x")])
def test_outputs_that_would_replace_another_file_are_refused(corpus, tmp_path, names):
    systems = [System(name, Gain(), "tests:Gain", {}) for name in names]
    with pytest.raises(UsageError, match="give it another name"):
        evaluate(systems, corpus, ["erle"], audio=tmp_path / "audio")


def test_outputs_are_those_of_the_systems_that_did_not_fail(corpus):
    class Broken:
        latency = 0

        def cancel(self, mic, far):
            raise ValueError("out of order")

    half = System("half", Gain(0.5), "tests:Gain", {"gain": 0.5})
    systems = [load_system("passthrough"), System("broken", Broken(), "tests:Broken", {}), half]
    processed = outputs(systems, corpus[:2])
    assert [item.scene.id for item, _ in processed] == list(corpus.scenes["scene"][:2])
    for item, made in processed:
        assert list(made) == ["passthrough", "half"]
        np.testing.assert_array_equal(made["passthrough"], item.signals.mic)
        np.testing.assert_array_equal(made["half"], 0.5 * item.signals.mic)


def test_examples_hold_every_kind_of_talk_first(corpus):
    kinds = corpus.scenes["talk"].nunique()
    shown = examples(corpus, kinds + 1)
    assert len(shown) == kinds + 1
    assert shown.scenes["talk"].nunique() == kinds
    assert len(examples(corpus, 1)) == 1


def test_scenes_with_echo_are_of_one_kind_of_talk(corpus):
    assert set(with_echo(corpus, 24).scenes["talk"]) == {"far_single"}
    assert set(with_echo(corpus.where(talk=["double", "near_single"]), 1).scenes["talk"]) == {"double"}
    assert len(with_echo(corpus.where(talk="near_single"), 24)) == 0
