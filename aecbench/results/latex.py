"""Tables for papers: LaTeX with booktabs, numbers in math mode, and the best value of every column in bold."""

import re
from collections.abc import Collection

import pandas as pd

__all__ = ["latex"]

NUMBER = re.compile(
    r"(?P<bound>≥ )?(?P<mean>[+-]?\d[\d,]*(?:\.\d+)?)(?: ±(?P<half>[\d.]+))?(?P<percent> %)?(?P<star> \*)?"
    r"(?: n=(?P<n>\d+))?(?: \(\d+\))?"
)
SIGNS = str.maketrans(
    {
        **{sign: rf"\{sign}" for sign in "&%$#_{}"},
        "\\": r"\textbackslash ",
        "~": r"\textasciitilde ",
        "^": r"\textasciicircum ",
        "<": r"\textless ",
        ">": r"\textgreater ",
        "|": r"\textbar ",
        "†": r"$\dagger$",
        "≤": r"$\le$",
        "≥": r"$\ge$",
        "…": r"\dots{}",
    }
)


def latex(frame: pd.DataFrame, best: Collection[tuple[int, str]] = ()) -> str:
    r"""Return a table of strings as a tabular. `best` lists (row, column) of the cells whose value is set in bold.

    Ranks such as "(1)" are left out. Columns up to "system" are left-aligned, numbers right-aligned.

    >>> print(latex(pd.DataFrame({"system": ["a_1"], "ERLE [dB]": ["-12.30 ±0.45 n=8 (1)"]}), [(0, "ERLE [dB]")]))
    \begin{tabular}{lr}
    \toprule
    system & ERLE [dB] \\
    \midrule
    a\_1 & $\mathbf{-12.30} \pm 0.45$ ($n=8$) \\
    \bottomrule
    \end{tabular}
    <BLANKLINE>
    """
    names = 1 + list(frame).index("system")
    cells = pd.DataFrame(
        {
            str(name).translate(SIGNS): [
                text.translate(SIGNS) if position < names else _cell(text, (row, str(name)) in best)
                for row, text in enumerate(column)
            ]
            for position, (name, column) in enumerate(frame.astype(str).items())
        }
    )
    layout = "l" * names + "r" * (frame.shape[1] - names)
    return str(cells.style.hide(axis="index").to_latex(hrules=True, column_format=layout))


def _cell(text: str, bold: bool) -> str:
    if text == "-":
        return "--"
    number = NUMBER.fullmatch(text)
    if number is None:
        return text.translate(SIGNS)
    mean = number["mean"].replace(",", "{,}")
    parts = [r"\ge " if number["bound"] else "", rf"\mathbf{{{mean}}}" if bold else mean]
    parts += [rf" \pm {number['half']}" if number["half"] else "", r"\,\%" if number["percent"] else ""]
    parts += ["^{*}" if number["star"] else ""]
    return f"${''.join(parts)}$" + (f" ($n={number['n']}$)" if number["n"] else "")
