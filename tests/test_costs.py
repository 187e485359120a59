"""What systems cost, in process and on the command line."""

import json

import numpy as np
import pytest

from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.passthrough import Passthrough
from aecbench.costs import Cost, cost, peak_memory, real_time_factor, scene
from aecbench.errors import AecbenchError, UnknownName, UsageError

HEAVY = """
import time
import numpy as np

class Heavy:
    latency = 160

    def cancel(self, mic, far):
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        return mic + 0 * np.ones(12_500_000).sum()
"""


@pytest.fixture
def heavy(tmp_path, monkeypatch):
    """The name of a system that uses 100 MB and 20 ms."""
    (tmp_path / "heavy_aec.py").write_text(HEAVY)
    monkeypatch.syspath_prepend(tmp_path)
    return "heavy_aec:Heavy"


def test_what_is_known_of_a_filter():
    found = cost("kalman", "none")
    assert found._replace(rtf=0, memory=0) == Cost(0, found.macs, 0, 255 / 16_000, 0)
    assert 10e6 < found.macs < 20e6
    assert 0 < found.rtf < 1
    assert 30e6 < found.memory < 2e9


def test_time_and_memory_of_a_system_of_ones_own_and_nothing_that_nobody_has_counted(heavy):
    large = np.ones(62_500_000)  # of this process, 500 MB: none of the other's
    found = cost(heavy, "none")
    assert large.any()
    assert np.isnan([found.parameters, found.macs]).all()
    assert found.latency == 0.01
    assert 0.002 <= found.rtf < 0.1
    assert 200e6 < found.memory < 500e6


def test_latency_and_memory_of_a_program_are_not_known_and_its_files_are_not_clipped(capsys):
    found = cost("command:sh -c 'cp {mic} {out}' {far}", "none")
    assert np.isnan([found.latency, found.memory]).all()
    assert found.rtf > 0
    assert capsys.readouterr().err == ""


def test_a_system_that_requires_a_rate_is_measured_at_that_rate(tmp_path):
    command = "sh -c 'cp {mic} {out}' {far}"
    (tmp_path / "card.toml").write_text(
        f'canceller = "command"\nsummary = "a copy"\n[parameters]\ncommand = "{command}"\nrate = 48000\n'
    )
    assert cost(str(tmp_path), "none").rtf > 0
    with pytest.raises(UsageError, match=r"with align 20 is for audio at 48000 Hz, and the signal that is timed is at"):
        cost(str(tmp_path), "20")


def test_more_work_takes_more_time():
    assert real_time_factor(Kalman(), 1) > 2 * real_time_factor(Passthrough(), 1)


def test_a_system_that_does_not_run_is_an_error(heavy, tmp_path):
    (tmp_path / "heavy_aec.py").write_text(HEAVY.replace("np.ones", "np.zero"))
    with pytest.raises(AecbenchError, match=r"heavy_aec:Heavy: did not run in a process of its own: .*zero"):
        peak_memory(heavy, "none")
    with pytest.raises(UnknownName, match="did you mean 'kalman'"):
        cost("kalmann")


def test_the_scene_is_the_same_every_time_and_has_an_echo():
    (mic, far), again = scene(), scene()
    np.testing.assert_array_equal(mic, again[0])
    assert mic.dtype == far.dtype == np.float32
    assert abs(np.corrcoef(mic, far)[0, 1]) < 0.5
    assert 0.001 < np.std(mic) < 1
    assert np.abs([mic, far]).max() < 1


@pytest.fixture
def known(monkeypatch):
    """No measurement."""
    costs = {"nlms": Cost(0, 32.8e6, 0.0061, 0.0, 190e6), "mine:A_1": Cost(np.nan, np.nan, 0.5, 0.01, 200e6)}
    monkeypatch.setattr("aecbench.costs.cost", lambda name, align: costs[name])
    return costs


def test_the_table_has_a_row_per_system_and_a_dash_for_what_nobody_knows(aecbench, known):
    result = aecbench("cost", *known, "--format", "md")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "| system | Parameters | MACs [M/s] | RTF | Latency [ms] | Memory [MB] |",
        "| --- | --- | --- | --- | --- | --- |",
        "| nlms | 0 | 32.8 | 0.0061 | 0.0 | 190 |",
        "| mine:A_1 | - | - | 0.5000 | 10.0 | 200 |",
    ]


@pytest.mark.parametrize("layout", ["rich", "html", "latex"])
def test_other_formats_for_people_say_the_same(aecbench, known, layout):
    text = aecbench("cost", *known, "--format", layout).output
    for word in ("nlms", "32.8", "0.0061", "190", "Latency"):
        assert word in text
    assert ("mine:A\\_1" if layout == "latex" else "mine:A_1") in text


def test_programs_are_given_plain_units(aecbench, known):
    systems = json.loads(aecbench("cost", *known, "--json").output)["systems"]
    assert systems["nlms"] == {"parameters": 0, "macs": 32.8e6, "rtf": 0.0061, "latency": 0.0, "memory": 190e6}
    assert systems["mine:A_1"]["macs"] is None
    lines = aecbench("cost", *known, "--format", "csv").output.splitlines()
    assert lines[0] == "system,parameters,macs,rtf,latency,memory"
    assert lines[2] == "mine:A_1,,,0.5,0.01,200000000.0"
