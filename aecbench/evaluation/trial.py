"""Scores of one run of a system on a scene, and the data that metrics read."""

from collections.abc import Mapping

import numpy as np

from aecbench.cancellers.abilities import learnt_response
from aecbench.corpus import Item
from aecbench.corpus.response import true_response
from aecbench.dsp.audio import resample
from aecbench.dsp.echo import RATE, find_echo
from aecbench.errors import AecbenchError, blamed
from aecbench.evaluation.run import Run, run
from aecbench.metrics import Metric, Score, Trial
from aecbench.metrics.base import Inapplicable, Undefined, score
from aecbench.results import RTF
from aecbench.scenes.recording import Recording
from aecbench.scenes.scene import Scene
from aecbench.signals import Array, Signals
from aecbench.systems import System

__all__ = ["ECHO", "Scores", "path_changes", "scores_of", "trial_of"]

ECHO = "echo"  # whether far end and microphone correlate in a scene: not a metric, but a column of the rows

Scores = dict[str, Score]  # scores of one scene by metric, including RTF and ECHO


def scores_of(system: System, item: Item, scale: float, metrics: Mapping[str, Metric]) -> tuple[Array | None, Scores]:
    """Run a system on a scene; return its output [T] and its scores.

    If the system fails, the output is None and all scores are NaN, with the reason. `scale` is the scale of the scene
    in its corpus, see `Corpus.scale`.
    """
    done = run(system, item, scale)
    echo = {ECHO: Score(_correlates(item.signals, item.scene.rate))}
    if done.estimate is None:
        return None, dict.fromkeys([*metrics, RTF], Score(np.nan, done.error, failed=True)) | echo
    trial = trial_of(system, item, done, done.estimate)
    scores = {name: score(metric, trial) for name, metric in metrics.items()}
    unknown = "computed elsewhere; run time unknown" if np.isnan(done.seconds) else ""
    return done.estimate, scores | {RTF: Score(done.seconds / item.scene.duration, unknown)} | echo


def trial_of(system: System, item: Item, done: Run, estimate: Array) -> Trial:
    """Return the data that metrics may read about a run that produced an estimate."""

    def responses() -> tuple[Array, Array]:
        true = true_response(item)
        learnt = None
        if done.canceller is not None:
            try:
                with blamed(f"{system.name}: its impulse response"):
                    learnt = learnt_response(done.canceller, item.signals.mic, item.signals.far)
            except AecbenchError as error:
                raise Undefined(str(error)) from error
        if learnt is None:
            raise Inapplicable(f"{system.name} has no impulse response; only linear filters of full band have one")
        return true, learnt

    return Trial(item.signals, estimate, item.scene.rate, item.talk, path_changes(item.scene), responses)


def path_changes(scene: Scene | Recording) -> list[float]:
    """Return the times [s] at which the echo path changes abruptly: its response, its delay or the volume."""
    if not isinstance(scene, Scene):
        return []
    switches = scene.path.times if scene.path.kind == "switch" else ()
    return sorted({*switches, *(time for time, _ in (*scene.channel.jumps, *scene.channel.volume))})


def _correlates(signals: Signals, rate: int) -> float:
    """Return 1 if far end and microphone correlate, 0 if they do not, and NaN if the far end is silent or too short."""
    pair = [resample(x, rate, RATE) for x in (signals.mic, signals.far)]
    return {"found": 1.0, "not found": 0.0}.get(find_echo([np.stack(pair, axis=1)]).heard, np.nan)
