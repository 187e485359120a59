"""States of batches: in our own cancellers, every leaf is an array with the batch first."""

from itertools import combinations

import numpy as np
import pytest

from aecbench.cancellers import CANCELLERS
from aecbench.cancellers.align import DelayTracker, aligned
from aecbench.cancellers.base import FlatStreaming, Streaming, from_rows, in_rows
from aecbench.cancellers.kalman import Kalman
from aecbench.cancellers.residual import ResidualSuppressor
from aecbench.contract.test_cancellers import leaves, noise
from aecbench.systems import import_class

OURS = [name for name, target in CANCELLERS.items() if ".external." not in target]
KINDS = {name: import_class(CANCELLERS[name], None)() for name in OURS} | {
    "aligned": aligned(Kalman(), DelayTracker(block=256)),
    "suppressed": ResidualSuppressor(aligned(Kalman(), DelayTracker(block=256))),
}


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("batch", [(), (2,), (3, 2), (0,)])
def test_every_leaf_is_an_array_with_the_batch_first(name, batch):
    canceller = KINDS[name]
    assert isinstance(canceller, Streaming)
    state = canceller.init(batch)
    for _ in range(3):
        state, out = canceller.step(state, *noise(2, *batch, canceller.block))
        assert out.shape == (*batch, canceller.block)
        assert {leaf.shape[: len(batch)] for leaf in leaves(state)} <= {batch}


@pytest.mark.parametrize("batch", [(), (3,), (3, 2), (0, 2)])
def test_rows_and_back(batch):
    state = Kalman(block=4, taps=8).init(batch)
    rows = in_rows(state, batch)
    assert type(rows) is type(state)
    assert {leaf.shape[0] for leaf in leaves(rows)} == {int(np.prod(batch))}
    again = from_rows(rows, batch)
    assert all(x.shape == y.shape and np.shares_memory(x, y) == (x.size > 0) for x, y in zip(again, state, strict=True))


@pytest.mark.parametrize("name", [name for name in KINDS if isinstance(KINDS[name], FlatStreaming)])
def test_a_consumed_state_goes_on_as_a_stepped_one(name):
    canceller = KINDS[name]
    stepped, consumed = canceller.init((2,)), canceller.init((2,))
    arrays = list(leaves(consumed))
    assert not any(np.shares_memory(x, y) for x, y in combinations(arrays, 2))
    for seed in range(3):
        mic, far = noise(2, 2, canceller.block, seed=seed)
        stepped, expected = canceller.step(stepped, mic, far)
        consumed, out = canceller.consume(consumed, mic.copy(), far)
        np.testing.assert_array_equal(out, expected)
    assert all(x is y for x, y in zip(leaves(consumed), arrays, strict=True))
    for x, y in zip(leaves(stepped), leaves(consumed), strict=True):
        np.testing.assert_array_equal(x, y)
