"""AECMOS and DNSMOS: the plumbing, with small networks of the same interface that are made here."""

import pickle
import sys

import numpy as np
import pytest

from aecbench.errors import MissingExtra, UnknownName, UsageError
from aecbench.metrics import (
    FAMILIES,
    MEMBERS,
    METRICS,
    aecmos,
    choose,
    dnsmos,
    dnsmos_network,
    find,
    onnx_model,
    score,
)
from aecbench.metrics.aecmos import aecmos_metrics, log_mel
from aecbench.metrics.dnsmos import dnsmos_metrics
from aecbench.signals import Signals, Talk

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
helper = onnx.helper

RATE = 16_000


def save(path, inputs, output, nodes):
    """A network of float inputs {name: shape} with one output "y"."""
    values = [helper.make_tensor_value_info(name, 1, shape) for name, shape in inputs.items()]
    graph = helper.make_graph(nodes, "tiny", values, [helper.make_tensor_value_info("y", 1, output)])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8), path)
    return path


@pytest.fixture(scope="module")
def aecmos_model(tmp_path_factory):
    """Mean of the features of far, 10 mic and 100 enhanced, and 1000 times it."""
    weights = onnx.numpy_helper.from_array(np.array([1, 10, 100], np.float32).reshape(1, 3, 1, 1))
    scale = onnx.numpy_helper.from_array(np.array([1, 1000], np.float32))
    nodes = [
        helper.make_node("Constant", [], ["w"], value=weights),
        helper.make_node("Constant", [], ["s"], value=scale),
        helper.make_node("Mul", ["feats", "w"], ["weighted"]),
        helper.make_node("ReduceMean", ["weighted"], ["mean"], keepdims=0),
        helper.make_node("ReduceMean", ["h0"], ["state"], keepdims=0),
        helper.make_node("Add", ["mean", "state"], ["sum"]),
        helper.make_node("Mul", ["sum", "s"], ["y"]),
    ]
    path = tmp_path_factory.mktemp("models") / "aecmos.onnx"
    return save(path, {"feats": [1, 3, "frames", 160], "h0": [4, 1, 64]}, [2], nodes)


@pytest.fixture(scope="module")
def dnsmos_model(tmp_path_factory):
    """Mean, mean magnitude and greatest sample."""
    nodes = [
        helper.make_node("Abs", ["input_1"], ["abs"]),
        helper.make_node("ReduceMean", ["input_1"], ["a"], axes=[1]),
        helper.make_node("ReduceMean", ["abs"], ["b"], axes=[1]),
        helper.make_node("ReduceMax", ["input_1"], ["c"], axes=[1]),
        helper.make_node("Concat", ["a", "b", "c"], ["y"], axis=1),
    ]
    return save(tmp_path_factory.mktemp("models") / "dnsmos.onnx", {"input_1": [1, 144_160]}, [1, 3], nodes)


def mean_of_marked(x: np.ndarray, mark: float) -> float:
    """Of the features and 20 frames of the mark and 20 of zeros."""
    features = log_mel(x, RATE)
    return (features.sum() + mark * 20 * 160) / ((len(features) + 40) * 160)


@pytest.mark.parametrize(
    ("scenario", "marks", "kept"),
    [("st", (1, 0, 1), slice(32_000, None)), ("nst", (0, 1, 1), slice(None)), ("dt", (1, 1, 1), slice(None))],
)
def test_the_network_gets_far_mic_and_output_with_the_marks_of_the_scenario(scene, aecmos_model, scenario, marks, kept):
    signals, estimate = scene(), scene().near
    stems = (signals.far, signals.mic, estimate)
    means = [mean_of_marked(x[kept], mark) for x, mark in zip(stems, marks, strict=True)]
    expected = np.dot(means, [1, 10, 100]) / 3
    for output, scale in ((0, 1), (1, 1000)):
        value = aecmos.aecmos(signals, estimate, RATE, model=aecmos_model, scenario=scenario, output=output)
        assert value == pytest.approx(scale * expected, rel=1e-4)


def test_no_more_than_20_s_are_listened_to(aecmos_model):
    x = np.random.default_rng(0).standard_normal(22 * RATE).astype(np.float32)
    options = {"model": aecmos_model, "scenario": "nst", "output": 0}
    cut, whole = (aecmos.aecmos(Signals(*[y] * 5), y, RATE, **options) for y in (x[: 20 * RATE], np.append(x, 10 * x)))
    assert cut == whole


def test_features_are_those_of_the_loudest_bin_and_40_db_below():
    t = np.arange(RATE) / RATE
    features = log_mel(np.sin(2 * np.pi * 1000 * t), RATE)
    assert features.shape == (63, 160)
    assert features.max() == 1
    assert features.min() == -1
    assert (features.argmax(1)[2:-2] == np.median(features.argmax(1))).all()
    np.testing.assert_allclose(log_mel(0.5 * np.sin(2 * np.pi * 1000 * t), RATE), features, atol=1e-3)
    np.testing.assert_array_equal(log_mel(0 * t, RATE), 1)


def test_bands_are_even_on_the_scale_of_slaney():
    """1 kHz is 15 mel, 6.4 kHz is 42 mel, and 8 kHz 45.245."""
    filters = aecmos.mel_filters(RATE, 513)
    peaks = filters.argmax(1) * RATE / 513
    for frequency, mel in ((1000, 15), (6400, 42)):
        assert np.sum(peaks < frequency) == pytest.approx(mel / 45.245 * 161, abs=1)
    areas = filters.sum(1) * RATE / 513
    np.testing.assert_allclose(areas[peaks > 2000], 1, rtol=0.1)


def test_aecmos_rates_each_kind_of_talk_in_its_frames(scene, aecmos_model):
    rows = aecmos_metrics(aecmos_model)
    assert {name: set(row.talk) for name, row in rows.items()} == {
        "aecmos_st_echo": {Talk.FAR},
        "aecmos_dt_echo": {Talk.DOUBLE},
        "aecmos_dt_other": {Talk.DOUBLE},
        "aecmos_nst_other": {Talk.NEAR},
    }
    signals = scene()
    values = {name: score(row, signals, signals.mic, RATE) for name, row in rows.items()}
    assert all(np.isfinite(value.value) for value in values.values())
    only_near = score(rows["aecmos_st_echo"], scene(far=False), signals.mic, RATE)
    assert only_near.reason == "no far-end single talk"


@pytest.mark.parametrize("seconds", [4.0, 9.01, 10.0, 12.5])
def test_dnsmos_is_the_mean_of_the_polynomial_over_windows_of_901_hundredths(dnsmos_model, seconds):
    rng = np.random.default_rng(0)
    x = (0.5 + rng.random(round(seconds * RATE))).astype(np.float32)
    expected_count = {4.0: 7, 9.01: 1, 10.0: 1, 12.5: 3}[seconds]
    long = np.tile(x, 4) if seconds == 4 else x
    windows = [long[k * RATE : k * RATE + 144_160] for k in range(expected_count)]
    raw = {"dnsmos_sig": np.mean, "dnsmos_bak": lambda w: np.mean(np.abs(w)), "dnsmos_ovrl": np.max}
    square = {
        "dnsmos_sig": (-0.08397278, 1.22083953, 0.0052439),
        "dnsmos_bak": (-0.13166888, 1.60915514, -0.39604546),
        "dnsmos_ovrl": (-0.06766283, 1.11546468, 0.04602535),
    }
    for name, metric in dnsmos_metrics(dnsmos_model).items():
        a, b, c = square[name]
        r = np.array([raw[name](window) for window in windows])
        value = metric.fn(Signals(x, x, x, x, x), x, RATE)
        assert value == pytest.approx(np.mean(a * r**2 + b * r + c), rel=1e-5)


def test_they_need_no_stems_and_score_batches_and_other_rates(scene, aecmos_model, dnsmos_model):
    unknown = np.full(64_000, np.nan, np.float32)
    for metric in (aecmos_metrics(aecmos_model) | dnsmos_metrics(dnsmos_model)).values():
        signals = scene()._replace(near=unknown, echo=unknown, noise=unknown)
        one = score(metric, signals, signals.mic, RATE, np.full(400, min(metric.talk)))
        assert np.isfinite(one.value)
        both = Signals(*(np.stack([x, x]) for x in signals))
        np.testing.assert_allclose(metric.fn(both, both.mic, RATE), one.value)


def test_audio_of_another_rate_is_resampled(speech, aecmos_model, dnsmos_model):
    x, fast = speech(0, 3), np.repeat(speech(0, 3), 3)
    for metric in (aecmos_metrics(aecmos_model) | dnsmos_metrics(dnsmos_model)).values():
        expected = metric.fn(Signals(x, x, x, x, x), x, RATE)
        value = metric.fn(Signals(fast, fast, fast, fast, fast), fast, 48_000)
        assert value == pytest.approx(expected, rel=0.2)


def test_they_go_to_other_processes(aecmos_model, dnsmos_model):
    x = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    for row in (aecmos_metrics(aecmos_model) | dnsmos_metrics(dnsmos_model)).values():
        there = pickle.loads(pickle.dumps(row))
        assert there.fn(Signals(*[x] * 5), x, RATE) == row.fn(Signals(*[x] * 5), x, RATE)


def test_they_are_not_in_the_table_and_hide_nothing_in_it(aecmos_model, dnsmos_model):
    assert not (aecmos_metrics(aecmos_model) | dnsmos_metrics(dnsmos_model)).keys() & METRICS.keys()


def test_another_file_is_another_version(aecmos_model, tmp_path):
    other = save(
        tmp_path / "other.onnx",
        {"feats": [1, 3, "frames", 160], "h0": [4, 1, 64]},
        [],
        [helper.make_node("ReduceMean", ["feats"], ["y"], keepdims=0)],
    )
    ours, theirs = (aecmos_metrics(path)["aecmos_st_echo"].version for path in (aecmos_model, other))
    assert ours != theirs


def test_a_file_that_is_no_such_network_is_one_clear_error(aecmos_model, dnsmos_model, tmp_path):
    with pytest.raises(UsageError, match="no such file; give the path of an ONNX model"):
        aecmos_metrics(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("version https://git-lfs.github.com/spec/v1")
    with pytest.raises(UsageError, match=r"text\.onnx: onnxruntime cannot load it \(.*\); give the path"):
        dnsmos_metrics(tmp_path / "text.onnx")
    with pytest.raises(UsageError, match=r"takes input_1 \[1, 144160\], expected any name \[1, 3, None, 160\], h0"):
        aecmos_metrics(dnsmos_model)
    with pytest.raises(UsageError, match=r"expected input_1 \[1, 144160\]; give another model"):
        dnsmos_metrics(aecmos_model)


def voice(pitch: float, pace: float, rate: int, seconds: float) -> np.ndarray:
    """Harmonics of a pitch [Hz] that come and go: speech for a network, and the same on every machine."""
    t = np.arange(round(rate * seconds)) / rate
    harmonics = sum(np.sin(2 * np.pi * k * pitch * t) / k for k in range(1, 30))
    return (0.05 * harmonics * np.maximum(np.sin(2 * np.pi * pace * t), 0)).astype(np.float32)


def double_talk(rate: int, seconds: float) -> tuple[Signals, np.ndarray]:
    """A scene, and what a canceller with an ERLE of 20 dB makes of it."""
    far, near = voice(120, 1.3, rate, seconds), voice(210, 0.9, rate, seconds)
    echo = 0.5 * np.roll(far, round(0.02 * rate))
    noise = (0.001 * np.random.default_rng(1).standard_normal(far.size)).astype(np.float32)
    return Signals(near + echo + noise, far, near, echo, noise), (near + 0.1 * echo + noise).astype(np.float32)


GOLDEN = {  # what the code of the wheel speechmos 0.0.1.1 gives for these signals, with librosa 0.11
    "aecmos_st_echo": 4.5201,
    "aecmos_dt_echo": 4.4690,
    "aecmos_dt_other": 4.0354,
    "aecmos_nst_other": 3.4881,
    "aecmos_48k_st_echo": 3.6299,
    "aecmos_48k_dt_echo": 4.1312,
    "aecmos_48k_dt_other": 3.2006,
    "aecmos_48k_nst_other": 3.3799,
    "dnsmos_sig": 1.7199,
    "dnsmos_bak": 1.8190,
    "dnsmos_ovrl": 1.6305,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_networks_of_the_wheel_give_the_numbers_of_its_own_code(family):
    pytest.importorskip("speechmos")
    rate, seconds = (48_000 if family == "aecmos_48k" else RATE), (11.0 if family == "dnsmos" else 8.0)
    signals, estimate = double_talk(rate, seconds)
    values = {name: float(metric.fn(signals, estimate, rate)) for name, metric in choose(family).items()}
    assert values.keys() == {name for name, owner in MEMBERS.items() if owner == family}
    assert values == pytest.approx({name: GOLDEN[name] for name in values}, abs=2e-3)


@pytest.mark.parametrize("seconds", [9.5, 10.0, 11.0, 14.7])
def test_dnsmos_shares_layers_between_windows_and_rates_each_as_if_it_were_alone(seconds, monkeypatch):
    """Sharing saves operations, and differs by rounding alone."""
    pytest.importorskip("speechmos")
    _, x = double_talk(RATE, seconds)
    path = onnx_model.installed(dnsmos.FILE)
    shared = dnsmos_network.outputs(path, x)
    monkeypatch.setattr(dnsmos_network, "KNOWN", set())
    alone = dnsmos_network.outputs.__wrapped__(path, x)
    assert shared.shape == alone.shape == (int(seconds - 9.01) + 1, 3)
    np.testing.assert_allclose(shared, alone, atol=1e-5)
    assert np.ptp(alone, axis=0).max() > 1e-3 or len(alone) == 1


def test_from_one_window_of_dnsmos_to_the_next_the_shared_layers_run_over_little_more_than_a_second(monkeypatch):
    pytest.importorskip("speechmos")
    frames, run = [], dnsmos_network._run
    path = onnx_model.installed(dnsmos.FILE)
    parts = dnsmos_network._parts(path)

    def counted(session, x):
        if session is parts.shared:
            frames.append(x.shape[1])
        return run(session, x)

    monkeypatch.setattr(dnsmos_network, "_run", counted)
    dnsmos_network.outputs.__wrapped__(path, double_talk(RATE, 12.5)[1])
    assert sum(frames) == 900 + 3 * 116


def test_without_onnx_dnsmos_names_the_extra_before_any_audio_is_rated(monkeypatch):
    pytest.importorskip("speechmos")
    monkeypatch.setattr(dnsmos_network, "_parts", dnsmos_network._parts.__wrapped__)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtra, match=r"onnx .* run: pip install 'aecbench\[aecmos\]'"):
        dnsmos_metrics()


def test_a_file_of_either_rate_is_recognised():
    pytest.importorskip("speechmos")
    for name, network in aecmos.NETWORKS.items():
        rows = aecmos_metrics(onnx_model.installed(network.file))
        assert {row.rpartition("_")[0].rpartition("_")[0] for row in rows} == {name}
        assert {row.unit for row in rows.values()} == {"MOS"}
        assert all(row.title.startswith(network.title) for row in rows.values())


def test_without_the_wheel_its_extra_is_named_and_the_others_are_found(monkeypatch):
    monkeypatch.setattr(onnx_model, "find_spec", lambda _: None)
    for name in (*FAMILIES, *MEMBERS):
        with pytest.raises(MissingExtra, match=r"carries the models .* run: pip install 'aecbench\[aecmos\]'"):
            choose(name)
    assert choose(["erle", "all"]).keys() == METRICS.keys()
    with pytest.raises(UnknownName, match="did you mean 'aecmos_st_echo'"):
        find("aecmos_st_ecco")


def test_rows_of_one_family_share_a_run_of_the_network(scene, dnsmos_model, monkeypatch):
    sessions = []

    class Counting:
        def __init__(self, session):
            self.session, self.get_inputs = session, session.get_inputs

        def run(self, *arguments):
            sessions.append(1)
            return self.session.run(*arguments)

    real = onnx_model._session
    monkeypatch.setattr(onnx_model, "_session", lambda path: Counting(real(path)))
    x = np.random.default_rng(5).standard_normal(12 * RATE).astype(np.float32)
    values = [float(row.fn(Signals(*[x] * 5), x, RATE)) for row in dnsmos_metrics(dnsmos_model).values()]
    assert len(set(values)) == 3
    assert len(sessions) == 3  # windows of 9.01 s within 12 s
