"""The contract of speech sources, run over those that are shipped."""

import pytest

from aecbench.contract.test_speech import *  # noqa: F403


@pytest.fixture(params=["espeak", "folder"])
def name(request, speech_folder):
    return str(speech_folder) if request.param == "folder" else request.param
