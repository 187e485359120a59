"""Compiled functions of cancellers: few arguments, one decorator, and each equation once."""

import importlib
import inspect
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numba.core.dispatcher import Dispatcher

import aecbench
from aecbench import cancellers
from aecbench.cancellers.kernels import coupling, two_filters

PACKAGE = Path(aecbench.__file__).parent
MOST = 6  # arguments: signals, state, settings, and what is worked on
OUTPUT = """
import numpy as np
from aecbench.systems import load_system

far, mic = np.random.default_rng(0).normal(size=(2, 16_384)).astype(np.float32)
for name in ("kalman", "kalman_res"):
    print(load_system(name, "none").canceller.cancel(far + 0.1 * mic, far).tobytes().hex())
"""
TRANSFORM = """
import numpy as np
from aecbench.cancellers.kernels import overlap_save

spectrum = np.empty(3, np.complex64)
overlap_save.forward(np.ones(4, np.float32), spectrum)
print(spectrum[0].real)
"""
MODULES = [module.name for module in pkgutil.walk_packages(cancellers.__path__, f"{cancellers.__name__}.")]


def kernels(name):
    """The compiled functions that a module defines, as Python functions."""
    values = vars(importlib.import_module(name)).values()
    return [value.py_func for value in values if isinstance(value, Dispatcher) and value.py_func.__module__ == name]


def test_there_are_kernels():
    assert len([kernel for name in MODULES for kernel in kernels(name)]) > 30


@pytest.mark.parametrize("name", MODULES)
def test_no_kernel_takes_many_arguments(name):
    widths = {kernel.__qualname__: len(inspect.signature(kernel).parameters) for kernel in kernels(name)}
    assert {kernel: width for kernel, width in widths.items() if width > MOST} == {}


def test_functions_are_compiled_in_one_place_only():
    users = {
        path.relative_to(PACKAGE).as_posix()
        for path in PACKAGE.rglob("*.py")
        if "numba.njit" in path.read_text() or "numba.jit" in path.read_text() or "import njit" in path.read_text()
    }
    assert users == {"dsp/compile.py"}


def test_outputs_are_the_same_from_the_cache_as_where_the_code_is_compiled(tmp_path):
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    command = [sys.executable, "-c", OUTPUT]
    first, second = (subprocess.check_output(command, env=environment, text=True) for _ in range(2))
    assert all(list(tmp_path.rglob(f"{kernel}*.nbc")) for kernel in ("kalman._step", "residual._update"))
    assert first.splitlines() == second.splitlines()


@pytest.mark.parametrize("threads", ["", "4,2"])
def test_kernels_run_whatever_openmp_accepts_as_a_number_of_threads(threads):
    environment = os.environ | {"OMP_NUM_THREADS": threads}
    environment.pop("DUCC0_NUM_THREADS", None)
    done = subprocess.run([sys.executable, "-c", TRANSFORM], env=environment, capture_output=True, text=True)
    assert done.stdout == "4.0\n", done.stderr


def signals(*shape, level=0.1, seed=0):
    return (level * np.random.default_rng(seed).normal(size=shape)).astype(np.float32)


@pytest.mark.parametrize("gain", [0.01, 0.3, 20.0])
def test_the_power_gain_is_a_least_squares_fit(gain):
    sums, far_powers = np.zeros(2, np.float32), 0.1 + np.arange(20) / 20
    for power in far_powers:
        coupling.observe(sums, np.float32(gain * power * 256), np.float32(power), 256)
    assert coupling.power_gain(sums, coupling.LOWEST) == pytest.approx(gain, rel=1e-4)


def test_the_power_gain_has_bounds():
    sums = np.zeros(2, np.float32)
    assert coupling.power_gain(sums, coupling.LOWEST) == np.float32(coupling.LOWEST)
    assert coupling.power_gain(sums, 1.0) == 1
    coupling.observe(sums, np.float32(1e6), np.float32(0.1), 256)
    assert coupling.power_gain(sums, coupling.LOWEST) == coupling.HIGHEST


@pytest.mark.parametrize(("gain", "audible", "factor"), [(0.3, 0, 0.3), (4.0, 0, 4.0), (1.1, 0, 1), (0.3, 1e6, 1)])
def test_a_gain_is_fitted_where_it_takes_much_off_an_audible_echo(gain, audible, factor):
    y, sums = signals(256), np.zeros(3, np.float32)
    mic = gain * y + signals(256, level=0.02, seed=1)
    fitted = two_filters.fit_gain(mic, y, sums, 0.8, 0.5, np.float32(audible))
    assert fitted == pytest.approx(factor, rel=0.05)
    assert (sums == 0).all() == (factor != 1)


def test_half_of_the_residual_echo_is_deducted_but_not_the_error_itself():
    error, residual = np.array([1.0, 1.0, 1.0], np.float32), np.array([0.0, 0.5, 30.0], np.float32)
    np.testing.assert_allclose(two_filters.disturbances(error, residual), [1, 0.75, 0.1])
    numbers = [two_filters.disturbance(*pair) for pair in zip(error, residual, strict=True)]
    np.testing.assert_array_equal(numbers, two_filters.disturbances(error, residual))


@pytest.mark.parametrize(("error", "source"), [((1, 0.7), 1), ((1, 0.9), -1), ((1, 2.5), 0), ((0, 0), -1)])
def test_the_better_filter_is_the_source(error, source):
    assert two_filters.better(np.array(error, np.float32), 0.8, 2) == source


@pytest.mark.parametrize("source", [0, 1])
def test_the_other_filter_becomes_a_copy(source):
    values = signals(2, 3, 5)
    expected = values[source].copy()
    two_filters.transfer(values, source)
    np.testing.assert_array_equal(values, [expected, expected])
