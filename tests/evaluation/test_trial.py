"""A run as its metrics see it."""

import numpy as np

from aecbench.cancellers.abilities import learnt_response
from aecbench.cancellers.align import FixedDelay, aligned
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.nlms import NLMS
from aecbench.evaluation.run import run
from aecbench.evaluation.trial import path_changes, scores_of
from aecbench.metrics import METRICS
from aecbench.systems import System, load_system


def test_the_echo_path_changes_with_response_delay_and_volume(corpus):
    scene = corpus[0].scene
    assert path_changes(scene) == []
    channel = scene.channel.model_copy(update={"jumps": ((1.0, 0.1),), "volume": ((2.0, -6.0), (2.5, 0.0))})
    path = scene.path.model_copy(update={"kind": "switch", "times": (2.0,)})
    assert path_changes(scene.model_copy(update={"channel": channel, "path": path})) == [1.0, 2.0, 2.5]


def test_the_response_of_a_run_is_that_after_the_last_whole_block(corpus):
    item = corpus.split("val")[0]
    mic, far = (x[: item.signals.mic.size - 100] for x in (item.signals.mic, item.signals.far))
    cut = item._replace(signals=item.signals._replace(mic=mic, far=far, echo=item.signals.echo[: mic.size]))
    inside = Kalman(taps=512)
    for canceller in (NLMS(taps=512), inside, aligned(inside, FixedDelay(10)), aligned(inside, FixedDelay(-10))):
        done = run(System("x", canceller, "tests:x", {}), cut, 1.0, response=True)
        np.testing.assert_array_equal(done.estimate, canceller.cancel(mic, far))
        np.testing.assert_array_equal(done.response, learnt_response(canceller, mic, far))
        assert run(System("x", canceller, "tests:x", {}), cut, 1.0).response is None


def test_a_system_runs_once_for_all_its_scores(corpus):
    class Counting(NLMS):
        """Counts its blocks."""

        blocks = 0

        def advance(self, state, mic, far):
            Counting.blocks += 1
            return super().advance(state, mic, far)

    item = corpus[0]
    system = System("counting", Counting(taps=128), "tests:Counting", {})
    run(system, item, 1.0)  # warms up
    Counting.blocks = 0
    system.canceller.cancel(item.signals.mic, item.signals.far)
    once, Counting.blocks = Counting.blocks, 0
    _, scores = scores_of(system, item, 1.0, {name: METRICS[name] for name in ("erle_true", "misalignment")})
    assert Counting.blocks == once > 0
    assert not scores["misalignment"].failed
    assert load_system("nlms").name not in scores
