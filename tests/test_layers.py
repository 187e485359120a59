"""Modules import only from the layers below their own."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

import aecbench
from aecbench.assets import names as assets

PACKAGE = Path(aecbench.__file__).parent

LAYERS = [
    {
        "__init__",
        "_version",
        "signals",
        "errors",
        "config",
        "assets",
        "record",
        "plugins",
        "progress",
        "output",
        "parallel",
        "provenance",
        "clock",
        "cards",
        "hashing",
        "garbage",
        "memory",
        "onnx_session",
        "tables",
    },
    {"dsp", "packs"},
    {"scenes", "cancellers", "metrics"},
    {"corpus", "systems", "results", "recipe"},
    {"simulation", "evaluation", "contract", "cancel", "costs", "demonstration", "doctor", "echoes"},
    {"training", "tuning"},
    {"report", "plots"},
    {"leaderboard"},
    {"cli"},
    {"__main__"},
]
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
FILES = sorted(PACKAGE.rglob("*.py"))


def room(path: Path) -> str:
    """The package or module of the top level that a file belongs to."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for parts in (name.split(".") for name in names):
            if parts[0] == "aecbench":
                rooms.add(parts[1] if len(parts) > 1 and parts[1] in RANK else "__init__")
    return rooms


def test_the_package_itself_imports_nothing_until_it_is_asked():
    program = (
        "import sys, aecbench; print(*sorted(m for m in sys.modules if 'aecbench' in m or m in ('numpy', 'torch')))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, text=True).stdout.split() == [
        "aecbench",
        "aecbench._version",
    ]


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_strictly_downwards(path):
    here = room(path)
    assert here in RANK, f"{path}: belongs to no layer"
    for other in imported_rooms(path) - {here}:
        within_the_ground = RANK[here] == RANK[other] == 0
        assert RANK[other] < RANK[here] or within_the_ground, f"{path} imports {other}"


def test_the_table_in_contributing_is_this_one():
    text = (PACKAGE.parent / "CONTRIBUTING.md").read_text()
    rows = re.findall(r"^\| (\d+) \| (.*) \|$", text, re.MULTILINE)
    assert [int(rank) for rank, _ in rows] == list(range(len(LAYERS)))
    for (_, words), names in zip(rows, LAYERS, strict=True):
        named = {name.rstrip("/") for name in re.findall(r"`([\w/]+)`", words)}  # folders within them too
        assert named & RANK.keys() == names - {"__init__"}


def test_torch_is_imported_by_deep_cancellers_and_training_only():
    users = {
        str(path.relative_to(PACKAGE))
        for path in FILES
        if any(line.lstrip().startswith(("import torch", "from torch")) for line in path.read_text().splitlines())
    }
    assert {user for user in users if not user.startswith(("cancellers/deep/", "training/"))} == set()


def test_pytest_is_imported_by_the_tests_of_the_contract_only():
    users = {str(path.relative_to(PACKAGE)) for path in FILES if "import pytest" in path.read_text().splitlines()}
    assert users
    assert {user for user in users if not user.startswith("contract/test_")} == set()


NETWORKS = [name for name in assets("baselines") if name.startswith("deep_")]
WITHOUT_TORCH = [
    "from aecbench.cli import main; main(['--help'], standalone_mode=False)",
    "from aecbench.systems import load_system; load_system('nlms')",
    "import aecbench.cancel",
    *(f"load_system({name!r}).cancel(*[[0.1] * 4000] * 2)" for name in NETWORKS),
    "import aecbench.simulation",
    "import aecbench.evaluation",
]
SCORED = """
import sys
import numpy as np
from aecbench.metrics import choose
from aecbench.metrics.base import Trial, score
from aecbench.signals import Signals
near, echo = np.random.default_rng(0).normal(size=(2, 32_000))
trial = Trial(Signals(mic=near + echo, far=echo, near=near, echo=echo, noise=0 * near), near, 16_000)
assert {score(metric, trial).failed for metric in choose(None).values()} == {False}
print({"torch", "scipy.signal", "scipy.stats"} & set(sys.modules))
"""


def test_torch_stays_out_of_all_that_does_not_train():
    steps = (f"{step}\nif 'torch' in sys.modules: sys.exit({step!r})" for step in WITHOUT_TORCH)
    run = subprocess.run([sys.executable, "-c", "\n".join(["import sys", *steps])], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_the_usual_metrics_import_nothing_that_takes_most_of_a_second():
    run = subprocess.run([sys.executable, "-c", SCORED], capture_output=True, text=True)
    assert (run.stderr, run.stdout) == ("", "set()\n")


HEAVY = {
    "torch",
    "numpy",
    "scipy",
    "scipy.signal",
    "numba",
    "pandas",
    "pyarrow",
    "h5py",
    "matplotlib",
    "pydantic",
    "rich",
    "soundfile",
    "soxr",
    "safetensors",
    "joblib",
    "jinja2",
    "pooch",
    "filelock",
}
CANCELLING = {"numpy", "scipy", "numba", "pydantic", "soundfile", "safetensors"}
RECORDINGS = ["--mic", "mic.wav", "--far", "far.wav", "--out", "out.wav"]


@pytest.mark.parametrize(
    ("commands", "needed"),
    [
        ([["--help"]], set()),
        ([["eval", "--help"]], set()),
        ([["completion", "bash"]], set()),
        ([["list"]], {"rich"}),
        ([["doctor", "--no-test"]], {"numpy", "joblib"}),
        ([["cancel", "--model", name, *RECORDINGS] for name in NETWORKS], CANCELLING),
    ],
    ids=lambda value: " ".join(value[0][:3]) if isinstance(value, list) else None,
)
def test_a_command_imports_no_package_that_it_does_not_need(commands, needed, tmp_path):
    for name in ("mic.wav", "far.wav"):
        soundfile.write(tmp_path / name, np.random.default_rng(0).normal(size=16_000) / 10, 16_000)
    program = f"""
import sys
from aecbench.cli import main
for arguments in {commands!r}:
    main(arguments, standalone_mode=False)
print(*{HEAVY!r} & set(sys.modules), file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=tmp_path, check=True)
    assert set(run.stderr.splitlines()[-1].split()) <= needed


def test_a_command_imports_no_other_command():
    program = """
import sys
from aecbench.cli import main
main(['completion', 'bash'], standalone_mode=False)
print(*(name for name in sys.modules if name.startswith('aecbench.cli.')), file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    modules = {name.removeprefix("aecbench.cli.") for name in run.stderr.split()}
    assert modules == {"common", "complete", "interrupt", "completion"}


def test_what_every_worker_imports_runs_no_compiled_code_and_leaves_out_slow_parts_of_scipy():
    """numba imports its arraymath when the first compiled function is loaded, which takes half a second."""
    program = """
import sys
import aecbench.evaluation, aecbench.simulation
print(*{"numba.np.arraymath", "scipy.io", "scipy.stats"} & set(sys.modules), file=sys.stderr)
"""
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert run.stderr.split() == []
