"""Products of matrices of 16 bits with vectors are those of float32 to half a step of each weight."""

import numpy as np
import pytest

from aecbench.cancellers.deep.inference.products import LARGEST, product, rows


@pytest.mark.parametrize("outputs", [1, 4, 7, 32])
def test_errors_are_within_half_a_step_of_each_weight(outputs):
    rng = np.random.default_rng(outputs)
    matrix = rng.normal(size=(outputs, 50)).astype(np.float32) * np.geomspace(1e-6, 1e6, outputs)[:, None]
    x = rng.normal(size=(2, 3, 50, 1)).astype(np.float32)
    step = np.abs(matrix).max(1) / LARGEST
    error = np.abs(product(rows(matrix.astype(np.float32)), x) - matrix @ x)
    assert (error <= 0.51 * step[:, None] * np.abs(x).sum(-2, keepdims=True)).all()


def test_rounding_for_smooth_inputs_hardly_changes_their_products():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(64, 50)).astype(np.float32)
    x = 1 + 0.1 * np.cos(np.linspace(0, 6, 50, dtype=np.float32))[:, None]
    rms = [
        np.sqrt(np.mean((product(rows(matrix, smooth=smooth), x) - matrix.astype(float) @ x) ** 2))
        for smooth in (False, True)
    ]
    assert rms[1] < rms[0] / 3


@pytest.mark.parametrize("sign", [-1, 1])
def test_the_largest_weights_are_rounded_with_the_error_before_them(sign):
    matrix = sign * np.array([[0.5 / 32766, 1, 1, 1]], np.float32)
    np.testing.assert_allclose(product(rows(matrix, smooth=True), np.ones((4, 1), np.float32)), matrix.sum(), atol=4e-5)


def test_rows_of_zeros_and_of_the_smallest_numbers_give_what_float32_gives():
    matrix = np.array([[0, 0], [1e-40, 1e-42], [1, -1]], np.float32)
    np.testing.assert_allclose(product(rows(matrix), np.ones((2, 1), np.float32)), matrix.sum(1)[:, None], atol=1e-37)


def test_a_vector_has_the_same_product_alone_and_among_others():
    rng = np.random.default_rng(0)
    matrix, x = rows(rng.normal(size=(9, 33)).astype(np.float32)), rng.normal(size=(5, 33, 1)).astype(np.float32)
    np.testing.assert_array_equal(product(matrix, x)[3], product(matrix, x[3]))


@pytest.mark.parametrize("smooth", [False, True])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_row_that_is_not_finite_has_products_that_are_not(value, smooth):
    found = product(rows(np.array([[1, value], [1, 2]], np.float32), smooth=smooth), np.ones((2, 1), np.float32))
    np.testing.assert_array_equal(np.isfinite(found[:, 0]), [False, True])
