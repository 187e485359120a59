import json

import numpy as np
import pytest

from aecbench.scenes.speech.text import SOUNDS, sentence


@pytest.fixture(params=sorted(SOUNDS))
def language(request):
    return request.param


def test_a_sentence_is_given_by_the_generator(language):
    assert sentence(language, np.random.default_rng(3)) == sentence(language, np.random.default_rng(3))


def test_sentences_hardly_ever_repeat(language):
    rng = np.random.default_rng(0)
    assert len({sentence(language, rng) for _ in range(200)}) == 200


def test_a_sentence_is_made_of_words_and_ends_like_one(language):
    rng = np.random.default_rng(0)
    for _ in range(50):
        text = sentence(language, rng)
        words = text[:-1].split(" ")
        assert text[-1] in ".?!"
        assert text[0].isupper()
        assert 4 <= len(words) <= 11
        assert all(word.removesuffix(",").isalpha() for word in words)
        assert not words[-1].endswith(",")
        assert json.loads(json.dumps(text)) == text
