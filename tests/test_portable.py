"""A corpus has the same bytes on every processor: in the code that makes it, and under masks of this processor."""

import ast
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import scipy.special

import aecbench
from aecbench.dsp import elementary
from aecbench.dsp.interpolate import interpolate
from aecbench.dsp.random import normal, uniform

PACKAGE = Path(aecbench.__file__).parent
ENTRANCES = {"scenes/draw.py", "scenes/render.py", "corpus/format.py"}
ELSEWHERE = {"dsp/audio.py", "scenes/rooms/pyroomacoustics.py"}  # decoding, which is libsndfile's; an engine of others


def imported(path: Path) -> set[Path]:
    """The package's own modules that a module imports."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module is not None:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
            stems = [PACKAGE.parent / name.replace(".", "/") for name in names if name.startswith("aecbench.")]
            found |= {
                file for stem in stems for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()
            }
    return found


def shaping() -> list[Path]:
    """The files of scenes/, dsp/ and corpus/ whose code decides about what is stored of a scene."""
    files, new = set(), {PACKAGE / name for name in ENTRANCES}
    while new:
        files |= new
        new = {file for path in new for file in imported(path)} - files
    rooms = {"scenes", "dsp", "corpus"}
    names = {
        file.relative_to(PACKAGE).as_posix(): file for file in files if file.relative_to(PACKAGE).parts[0] in rooms
    }
    return [file for name, file in sorted(names.items()) if name not in ELSEWHERE]


EXACT = {
    "abs",
    "add",
    "bool_",
    "ceil",
    "copysign",
    "divide",
    "floor",
    "isfinite",
    "maximum",
    "minimum",
    "multiply",
    "rint",
}
EXACT |= {"sqrt", "square", "subtract"}
"""Functions of numbers that IEEE 754 defines to the last bit. NumPy adds in one order, so sums and means count too."""
INEXACT = {name for name, value in vars(np).items() if isinstance(value, np.ufunc)} - EXACT
INEXACT |= {"convolve", "correlate", "dot", "einsum", "fft", "i0", "inner", "interp", "linalg", "polynomial", "sinc"}
INEXACT |= {"tensordot", "vdot"}
EXACT_MATH = {"ceil", "copysign", "floor", "fsum", "gcd", "sqrt"}
DRAWS = {"choice", "integers", "permutation", "random"}
FORBIDDEN = {"scipy", "soxr", "cmath"}


def used(tree: ast.Module) -> list[str]:
    """What of the code may have other bits elsewhere."""
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names):
                found += [name.name for name in names if name.name.split(".")[0] in FORBIDDEN]
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in FORBIDDEN:
                found.append(module)
            case ast.BinOp(op=ast.MatMult()):
                found.append("@")
            case ast.BinOp(op=ast.Pow(), left=ast.Constant(value=2 | 2.0) | ast.Name(id="WIDTH")):
                pass
            case ast.BinOp(op=ast.Pow()):
                found.append(f"** in line {node.lineno}")
            case ast.Attribute(value=ast.Name(id="np"), attr=name) if name in INEXACT:
                found.append(f"np.{name}")
            case ast.Attribute(value=ast.Name(id="math"), attr=name) if name not in EXACT_MATH:
                found.append(f"math.{name}")
            case ast.Attribute(value=ast.Name(id="rng" | "later" | "voices"), attr=name) if name not in DRAWS:
                found.append(f"rng.{name}")
            case ast.keyword(arg="fastmath"):
                found.append("fastmath")
            case ast.Call(func=ast.Name(id="sum"), args=[ast.GeneratorExp(elt=ast.BinOp()), *_]):
                found.append("sum of floats, which Python adds in another way from 3.12 on")
    return found


@pytest.mark.parametrize("path", shaping(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_what_shapes_a_corpus_uses_only_arithmetic_that_is_the_same_everywhere(path):
    assert used(ast.parse(path.read_text())) == []


@pytest.mark.parametrize(
    "code",
    [
        "import scipy.signal",
        "from scipy.fft import rfft",
        "y = np.exp(x)",
        "y = a @ b",
        "y = x**0.5",
        "y = 10 ** (x / 20)",
        "y = np.interp(x, a, b)",
        "y = math.tan(x)",
        "y = rng.normal()",
        "f = numba.njit(fastmath=True)(g)",
        "y = sum(b - a for a, b in spans)",
    ],
)
def test_the_test_of_arithmetic_sees(code):
    assert used(ast.parse(code))


def test_corpora_are_the_same_under_masks_of_this_processor(monkeypatch, capsys):
    """All shipped recipes, every device, noise and change of the channel, here and in a process per mask."""
    monkeypatch.syspath_prepend(PACKAGE.parent / "benchmarks")
    portability = import_module("portability")
    assert portability.main(["--scenes", "1"]) == 0, capsys.readouterr().out


@pytest.mark.parametrize(
    ("function", "reference", "low", "high", "tolerance"),
    [
        (elementary.exp, np.exp, -700, 700, 4e-16),
        (elementary.log, np.log, 1e-300, 1e3, 6e-16),
        (elementary.log10, np.log10, 1e-300, 1e3, 1e-15),
        (elementary.decibels, lambda x: 10 * np.log10(x), 1e-30, 1e3, 1e-15),
        (elementary.from_decibels, lambda x: 10 ** (x / 20), -200, 200, 2e-14),
        (elementary.tan, np.tan, -100, 100, 1e-15),
        (elementary.tanh, np.tanh, -30, 30, 1e-15),
        (elementary.arctan, np.arctan, -30, 30, 1e-15),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_elementary_functions_are_accurate_to_a_few_units_in_the_last_place(function, reference, low, high, tolerance):
    x = np.random.default_rng(0).uniform(low, high, 20_000)
    np.testing.assert_allclose(function(x), reference(x), rtol=tolerance)


def test_sine_cosine_and_error_function_are_accurate_in_absolute_terms():
    x = np.random.default_rng(0).uniform(-50, 50, 20_000)
    np.testing.assert_allclose(elementary.sin(x), np.sin(x), atol=3e-16)
    np.testing.assert_allclose(elementary.cos(x), np.cos(x), atol=3e-16)
    np.testing.assert_allclose(elementary.erf(x / 10), scipy.special.erf(x / 10), atol=1e-15)


def test_elementary_functions_keep_their_limits_and_undefined_values():
    assert elementary.exp([-np.inf, -1e4, 0.0, 1e4]).tolist() == [0.0, 0.0, 1.0, np.inf]
    assert elementary.log([0.0, 1.0, np.inf]).tolist() == [-np.inf, 0.0, np.inf]
    assert np.isnan([elementary.log(-1.0), elementary.exp(np.nan), elementary.tanh(np.nan)]).all()
    assert elementary.log(1e-310) == pytest.approx(np.log(1e-310), rel=1e-14)
    assert elementary.tanh([-np.inf, 0.0, np.inf]).tolist() == [-1.0, 0.0, 1.0]
    assert elementary.power([0.0, 4.0, 4.0], 0.5).tolist() == [0.0, 2.0, 2.0]


def test_normal_numbers_have_the_moments_of_the_normal_distribution():
    x = normal(np.random.default_rng(0), 200_001)
    assert x.shape == (200_001,)
    assert [np.mean(x**k) for k in (1, 2, 3, 4)] == pytest.approx([0, 1, 0, 3], abs=0.05)
    assert abs(np.corrcoef(x[:100_000], x[-100_000:])[0, 1]) < 0.01


def test_uniform_numbers_are_the_ones_that_numpy_draws():
    ours, numpy = np.random.default_rng(3), np.random.default_rng(3)
    np.testing.assert_allclose(uniform(ours, -3, [1, 2, 5]), numpy.uniform(-3, [1, 2, 5]), rtol=1e-15)
    np.testing.assert_allclose(uniform(ours, 2, 7, 4), numpy.uniform(2, 7, 4), rtol=1e-15)


def test_interpolation_is_linear_between_knots_and_level_beyond():
    x = np.random.default_rng(0).uniform(-1, 5, 200)
    knots, values = [0.0, 0.5, 0.5, 3.0], [1.0, 2.0, 4.0, -1.0]
    np.testing.assert_allclose(interpolate(x, knots, values), np.interp(x, knots, values), atol=1e-12)
    assert interpolate([-1.0, 9.0], [2.0], [5.0]).tolist() == [5.0, 5.0]
