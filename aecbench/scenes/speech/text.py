"""Things to say: made-up sentences out of the sounds of a language.

The words mean nothing, and need not: what counts is that the spelling is one the language would read aloud, and that
there is no end of them. No text of anybody is used.
"""

from typing import NamedTuple

import numpy as np

__all__ = ["SOUNDS", "sentence"]


class Sounds(NamedTuple):
    """Spellings to make words from. "-" is nothing; a spelling that is listed twice is twice as frequent."""

    onsets: str
    vowels: str
    codas: str  # of the last syllable of a word


ENGLISH = Sounds(
    "b d f g h j k l m n p r s t v w y th sh ch st br tr pl gr sl fl",
    "a e i o u ee oo ay ou ai",
    "- - - n t s l r d m k ng nd st ck",
)

SOUNDS = {
    "cs": Sounds("b c d h j k l m n p r s t v z č ř š ž st př tr kr", "a e i o u á é í ý ou", "- - - n l k m t š"),
    "de": Sounds(
        "b d f g h k l m n p r s t w z sch st br gl kr pf", "a e i o u ei au ie ä ö ü", "- - n r t l s ch nd st"
    ),
    "en-gb-scotland": ENGLISH,
    "en-gb-x-rp": ENGLISH,
    "en-us": ENGLISH,
    "es": Sounds("b c d f g l m n p r s t v ch ll br tr pl gr", "a e i o u a e o ie ue ia", "- - - - - n s r l"),
    "fi": Sounds("h j k l m n p r s t v", "a e i o u y ä ö aa ii uu ai ei uo ie ää", "- - - - n s t l"),
    "fr": Sounds(
        "b d f g j l m n p r s t v ch br tr pl cr", "a e i o u é è ou eau oi an on in eu", "- - - - r l ne te me"
    ),
    "hu": Sounds("b cs d f g gy h j k l m n ny p r s sz t v z", "a á e é i o ö ő u ü", "- - n t k l r s m gy"),
    "id": Sounds("b c d g h j k l m n p r s t w y ng ny", "a a e i o u ai au", "- - - n ng r k s h t m"),
    "it": Sounds("b c d f g l m n p r s t v z ch gl br tr pr st sp", "a e i o a e i o u ia io", "- - - - - - - n r l"),
    "nl": Sounds(
        "b d g h j k l m n p r s t v w z sch st gr kl", "a e i o u aa ee oo ie oe ij ui eu", "- - n r t l s k ng"
    ),
    "pl": Sounds("b c d f g j k l ł m n p r s t w z cz sz prz st kr", "a e i o u y ą ę ó", "- - - n k m ć sz w"),
    "pt-br": Sounds("b c d f g l m n p r s t v lh nh ch br tr pr", "a e i o u ão ei ou ia é", "- - - - - m r s l"),
    "ro": Sounds("b c d f g l m n p r s t v z ș ț tr pr st br", "a e i o u ă â ea ia", "- - - - n r t l s"),
    "sv": Sounds("b d f g h j k l m n p r s t v sk st br tr fl", "a e i o u å ä ö y", "- - n r t l s ng nd k"),
    "sw": Sounds("b ch d f g h j k l m n p r s t v w y z mb nd ny sh kw mw", "a a a e i i o u", "-"),
    "tr": Sounds("b c ç d f g h k l m n p r s ş t v y z", "a e ı i o ö u ü", "- - n r l k m t ş"),
}  # by espeak's name of the language


def sentence(language: str, rng: np.random.Generator) -> str:
    """A sentence of 4 to 11 words of 1 to 4 syllables.

    >>> sentence("fi", np.random.default_rng(1))
    'Najuovoluo raahat söse mäl kalönel laavuri vän.'
    """
    onsets, vowels, codas = (spellings.replace("-", "").split(" ") for spellings in SOUNDS[language])

    def any_of(spellings: list[str]) -> str:  # as rng.choice, which makes an array of the list first
        return spellings[rng.integers(len(spellings))]

    words = []
    for _ in range(rng.integers(4, 12)):
        syllables = rng.choice([1, 2, 3, 4], p=[0.3, 0.4, 0.2, 0.1])
        open_syllables = "".join(any_of(onsets) + any_of(vowels) for _ in range(syllables))
        words.append(open_syllables + any_of(codas) + "," * int(rng.random() < 0.1))
    text = " ".join(words).rstrip(",")
    return text[0].upper() + text[1:] + str(rng.choice([".", "?", "!"], p=[0.8, 0.12, 0.08]))
