"""Audio files: the same samples make the same file, whenever they are written."""

import time

import numpy as np
import pytest
import soundfile

from aecbench.dsp.audio import read, write


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_does_not_tell_when_it_was_written(tmp_path, channels):
    x = np.random.default_rng(0).normal(0, 0.1, (1000, channels)).astype(np.float32).squeeze()
    write(tmp_path / "one.wav", x, 16_000)
    time.sleep(1.1)
    write(tmp_path / "other.wav", x, 16_000)
    assert (tmp_path / "one.wav").read_bytes() == (tmp_path / "other.wav").read_bytes()
    np.testing.assert_array_equal(read(tmp_path / "one.wav", mix=True)[0], x.reshape(1000, -1)[:, 0])
    assert soundfile.info(tmp_path / "one.wav").subtype == "FLOAT"
