"""Features of the step-size networks: the kernel gives what the plain operations give."""

import pytest
import torch

from aecbench.cancellers.deep.parts.bands import triangles
from aecbench.cancellers.deep.parts.step_size_features import Features, Frame

BINS, BANDS = 65, 12


def frames(count, signals):
    generator = torch.Generator().manual_seed(0)

    def normal(*shape):
        return torch.randn(*shape, generator=generator)

    for _ in range(count):
        powers = (normal(signals, BINS).square() for _ in range(2))
        yield Frame(*(normal(signals, 2, BINS) for _ in range(3)), *powers)


@pytest.mark.parametrize("smoothing", [0.0, 0.5])
def test_kernel_and_plain_operations_agree_frame_after_frame(smoothing):
    features, bands = Features(32, smoothing, feedback=True), torch.from_numpy(triangles(BINS, BANDS))
    kernel = plain = features.initial(torch.zeros(3, 1, BINS), BANDS)
    for frame in frames(20, 3):
        ours, kernel = features(frame, kernel, bands)
        theirs, plain = features.plain(frame, plain, bands)
        for a, b in zip([*ours, *kernel], [*theirs, *plain], strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_the_averages_that_are_given_stay_as_they_are():
    features, bands = Features(32, 0.5, feedback=True), torch.from_numpy(triangles(BINS, BANDS))
    before = features.initial(torch.zeros(1, 1, BINS), BANDS)
    copies = [z.clone() for z in before]
    features(next(frames(1, 1)), before, bands)
    for one, other in zip(before, copies, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
