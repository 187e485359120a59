"""A system outside the package goes all the way: a folder with a Python file and a card."""

CODE = """
from dataclasses import dataclass


@dataclass(frozen=True)
class Quieter:
    gain: float = 1.0
    latency: int = 0

    def cancel(self, mic, far):
        return self.gain * mic
"""
CARD = """
canceller = "quieter_module:Quieter"
summary = "turns everything down, and so takes the near end along"

[parameters]
gain = 0.5
"""


def test_from_simulation_to_a_verified_entry(aecbench, recipe_file, tmp_path):
    system = tmp_path / "quieter"
    system.mkdir()
    (system / "quieter_module.py").write_text(CODE)
    (system / "card.toml").write_text(CARD)

    def run(*words):
        result = aecbench(*words)
        assert result.exit_code == 0, result.output
        return result.output

    run("simulate", recipe_file, "--split", "test", "--out", "corpora/toy-v1", "--jobs", 1)
    scored = ["--corpus", "corpora/toy-v1", "--metric", "erle", "--metric", "si_sdr", "--jobs", 1, "--no-cache"]
    run("eval", "--model", "passthrough", *scored, "--out", "runs/first")
    run("leaderboard", "new", "toy-v1", "runs/first")
    run("publish", "runs/first", "--board", "toy-v1")
    run("eval", "--model", system, *scored, "--out", "runs/quieter")
    about = ["--model", system, "--authors", "A. Researcher", "--url", "https://example.org/quieter"]
    assert "1 entries are as they should be" in run("publish", "runs/quieter", "--board", "toy-v1", *about, "--dry-run")
    assert "quieter: version 1, place" in run("publish", "runs/quieter", "--board", "toy-v1", *about)
    again = ["--rerun", 2, "--model", system, "--jobs", 1, "--seed", 3]
    output = run("leaderboard", "verify", "toy-v1", *again)
    assert "toy-v1: whole, 2 systems" in output
    assert "quieter: as published, within 0 " in output
    text = (tmp_path / "leaderboards/toy-v1/README.md").read_text()
    title = "[turns everything down, and so takes the near end along](https://example.org/quieter)"
    assert f"{title} | A. Researcher" in text
