"""Texts that strangers wrote: what may be in them, and how they are written where they could be taken for markup."""

import re
import unicodedata
from typing import Any

__all__ = ["csv_cell", "hidden", "link", "markdown", "strings", "visible"]

# controls, direction overrides and zero-width characters, surrogates, private use, line and paragraph separators
HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
URL = re.compile(r"https?://[A-Za-z0-9.-]+(:\d+)?(/[A-Za-z0-9._~!$&*+,;=:@%/?#-]*)?")
MARKUP = re.compile(r"([\\`*_{}\[\]()|~<>&:])")
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def hidden(text: str) -> str:
    r"""The first character of a text that nobody would see, as "U+202E"; "" where there is none.

    >>> hidden("a\u202eb"), hidden("Müller & Søn")
    ('U+202E', '')
    """
    return next((f"U+{ord(c):04X}" for c in text if unicodedata.category(c) in HIDDEN), "")


def visible(text: object) -> str:
    """A text in which hidden characters have become replacement characters; line feeds stay."""
    plain = str(text)
    return plain if plain.isprintable() else "".join("\ufffd" if c != "\n" and hidden(c) else c for c in plain)


def link(url: str) -> str:
    """The address if it is one of the web, else "".

    >>> link("https://example.org/a?b=1"), link("javascript:alert(1)"), link("https://a/ onclick=b")
    ('https://example.org/a?b=1', '', '')
    """
    return url if URL.fullmatch(url) else ""


def markdown(text: object) -> str:
    r"""A text that Markdown, and HTML within it, shows as it is, on one line.

    >>> print(markdown("a|b <img> [x](y)"))
    a\|b \<img\> \[x\]\(y\)
    """
    return MARKUP.sub(r"\\\1", " ".join(visible(text).split()))


def csv_cell(text: str) -> str:
    """A text that no spreadsheet takes for a formula.

    >>> csv_cell("=cmd()"), csv_cell("nlms")
    ("'=cmd()", 'nlms')
    """
    return f"'{text}" if text.lstrip(" ").startswith(FORMULA) else text


def strings(value: Any) -> list[str]:
    """All texts in nested tables and lists, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for inner in pair for text in strings(inner)]
    if isinstance(value, list | tuple):
        return [text for inner in value for text in strings(inner)]
    return []
