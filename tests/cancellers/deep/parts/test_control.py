"""The bands along which networks run."""

import pytest
import torch

from aecbench.cancellers.deep.parts.control import triangles


@pytest.mark.parametrize(("bins", "count"), [(65, 8), (257, 40), (513, 64), (257, 4)])
def test_bands_overlap_and_share_every_bin_out(bins, count):
    weights = triangles(bins, count)
    assert weights.shape == (bins, count)
    torch.testing.assert_close(weights.sum(1), torch.ones(bins))
    assert (weights.amax(0) > 0.5).all()
