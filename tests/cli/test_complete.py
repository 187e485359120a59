"""What the shell completes, how fast it is found, and the scripts that make it ask."""

import os
import shutil
import subprocess
import sys

import pytest
from click.shell_completion import ShellComplete

from aecbench.assets import names
from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.deep import DEEP
from aecbench.cli import main
from aecbench.corpus.layouts import LAYOUTS
from aecbench.metrics import FAMILIES, METRICS
from aecbench.report.listing import LISTINGS


def completed(*words: str) -> list[str]:
    """What the last word may become."""
    *before, last = words
    found = ShellComplete(main, {}, "aecbench", "_AECBENCH_COMPLETE").get_completions(before, last)
    return [item.value for item in found if item.type == "plain"]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["eval", "--model", ""], {*names("baselines"), *CANCELLERS}),
        (["compare", "nlms", ""], {*names("baselines"), *CANCELLERS}),
        (["train", ""], DEEP),
        (["simulate", ""], names("recipes")),
        (["train", "--recipe", ""], names("recipes/train")),
        (["eval", "--metric", ""], {*METRICS, *FAMILIES}),
        (["fetch", ""], names("packs")),
        (["list", ""], LISTINGS),
        (["import", ""], LAYOUTS),
        (["eval", "--model", "kalman"], [name for name in names("baselines") if name.startswith("kalman")]),
        (["doc"], ["doctor"]),
    ],
)
def test_names_are_completed_from_the_tables(words, expected):
    assert set(completed(*words)) == set(expected)


def test_boards_are_those_of_the_folder_that_is_given(tmp_path, monkeypatch):
    for place, name in (("leaderboards", "here-v1"), ("other", "there-v1")):
        (tmp_path / place / name).mkdir(parents=True)
        (tmp_path / place / name / "board.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert completed("publish", "--board", "") == ["here-v1"]
    assert completed("leaderboard", "verify", "--boards", "other", "") == ["there-v1"]


def test_where_no_name_fits_a_file_is_meant():
    found = ShellComplete(main, {}, "aecbench", "_AECBENCH_COMPLETE").get_completions(["simulate"], "my")
    assert [(item.type, item.value) for item in found] == [("file", "my")]


def test_nothing_slow_is_imported_to_complete():
    program = (
        "import sys\nfrom aecbench.cli import main\n"
        "try:\n    main(prog_name='aecbench')\n"
        "finally:\n    print({'torch', 'numpy', 'pandas', 'rich', 'pydantic'} & set(sys.modules), file=sys.stderr)"
    )
    words = {"COMP_WORDS": "aecbench eval --model nlms --metric pe", "COMP_CWORD": "5"}
    environment = {**os.environ, **words, "_AECBENCH_COMPLETE": "bash_complete"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["plain,pesq", "plain,pesq_clean", "plain,pesq_nb", "plain,pesq_raw"]
    assert done.stderr.strip() == "set()"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_is_one_that_the_shell_can_read(aecbench, shell, tmp_path):
    result = aecbench("completion", shell)
    assert result.exit_code == 0
    assert f"_AECBENCH_COMPLETE={shell}_complete" in result.stdout
    assert f"aecbench completion {shell} >" in aecbench("completion", "--help").stdout
    if shutil.which(shell):
        (tmp_path / "script").write_text(result.stdout)
        assert subprocess.run([shell, "-n", tmp_path / "script"], capture_output=True).returncode == 0
