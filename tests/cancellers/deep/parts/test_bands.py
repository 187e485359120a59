"""The bands along which networks run."""

import numpy as np
import pytest

from aecbench.cancellers.deep.parts.bands import triangles


@pytest.mark.parametrize(("bins", "count"), [(65, 8), (257, 40), (513, 64), (257, 4)])
def test_bands_overlap_and_share_every_bin_out(bins, count):
    weights = triangles(bins, count)
    assert weights.shape == (bins, count)
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    assert (weights.max(0) > 0.5).all()
