"""The words that CONTRIBUTING.md rules out, in pages, cards, boards, help, messages, docstrings and comments."""

import ast
import json
import re
import tokenize
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

import aecbench as ab
from aecbench.cli import main

ROOT = Path(ab.__file__).parents[1]
TEXTS = [
    *ROOT.glob("*.md"),
    *ROOT.glob(".github/**/*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("docs/*.ipynb"),
    *ROOT.glob("baselines/*/*.md"),
    *ROOT.glob("leaderboards/**/*.md"),
    *(
        path
        for folder in ("baselines", "leaderboards", "packs", "recipes")
        for path in ROOT.glob(f"{folder}/**/*.toml")
    ),
    *ROOT.glob("aecbench/leaderboard/site/templates/*.html"),
]
TO_MEND: tuple[str, ...] = ()
PYTHON = [path for folder in ("aecbench", "docs", "examples") for path in ROOT.glob(f"{folder}/**/*.py")]
OTHERS = [path for folder in ("benchmarks", "tests") for path in ROOT.glob(f"{folder}/**/*.py")]

WORDS = re.compile(r"\b(anew|(?<!there )is no(?! longer)|has not|of which|that of)\b", re.IGNORECASE)
BEGINNING = re.compile(r"(?:^|(?<=[.!?:] ))(Of|What)\b(?![^.!]*\?)")  # a question may begin with "What"
CODE = re.compile(r"^ *```.*?^ *```|`[^`\n]*`", re.MULTILINE | re.DOTALL)  # quoted, or no English
PARAGRAPH = re.compile(r"\n\s*\n|^[ \t]*(?:#+|[-*+]|\d+\.|\|)[ \t]|[ \t]\|[ \t]*", re.MULTILINE)
FILLERS = {"found", "given", "heard", "here", "known", "said", "shown", "there", "told", "wanted", "what"}
LOOP_FILLERS = FILLERS | {"one"}  # elsewhere it may be the number 1 in the type of a signal
LONGEST = 70  # characters of an option's help, without "[default: ...]"


def faults(text: str) -> list[str]:
    """Return the ruled-out words of a text, each within its surroundings."""
    excerpts = []
    for part in PARAGRAPH.split(CODE.sub("` `", text)):
        paragraph = " ".join(part.split()).lstrip("*_[(\"'")
        excerpts += [
            paragraph[max(0, match.start() - 40) : match.end() + 40]
            for pattern in (WORDS, BEGINNING)
            for match in pattern.finditer(paragraph)
        ]
    return excerpts


def prose(path: Path) -> str:
    """The text of a page, the markdown of a notebook, or the comments and values of a TOML file."""
    text = path.read_text()
    if path.suffix == ".ipynb":
        return "\n\n".join("".join(c["source"]) for c in json.loads(text)["cells"] if c["cell_type"] == "markdown")
    if path.suffix == ".toml":
        comments = "\n".join(line.lstrip("# ") for line in text.splitlines() if line.startswith("#"))
        return "\n\n".join([comments, *strings(tomllib.loads(text))])
    return text


def strings(value: object) -> Iterator[str]:
    """All texts inside of a parsed TOML value."""
    if isinstance(value, str):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from strings(inner)


def literals(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of all strings in a Python file: messages, help and docstrings."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


def comments(path: Path) -> Iterator[tuple[int, str]]:
    """Line and text of all comments in a Python file; comments on consecutive lines of their own are one text."""
    texts: dict[int, str] = {}  # by their first line
    first = last = -1
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type != tokenize.COMMENT:
                continue
            line, text = token.start[0], token.string.lstrip("# ")
            alone = token.line.lstrip().startswith("#")
            if alone and line == last + 1:
                texts[first] += f" {text}"
            else:
                first, texts[line] = line, text
            last = line if alone else -1
    yield from texts.items()


def options(group: click.Group, name: str = "aecbench") -> Iterator[tuple[str, str]]:
    """Every option of the command line, with its help."""
    for command in group.commands.values():
        if isinstance(command, click.Group):
            yield from options(command, f"{name} {command.name}")
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield f"{name} {command.name} {parameter.opts[0]}", parameter.help or ""


def fillers(code: str) -> list[tuple[int, str]]:
    """Return line and name of the variables called by a filler; fields of classes and parameters are not looked at."""
    nodes = list(ast.walk(ast.parse(code)))
    fields = {
        part.target
        for node in nodes
        if isinstance(node, ast.ClassDef)
        for part in node.body
        if isinstance(part, ast.AnnAssign)
    }
    loops = {name for node in nodes if isinstance(node, ast.For | ast.comprehension) for name in ast.walk(node.target)}
    return [
        (node.lineno, node.id)
        for node in nodes
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) and node not in fields
        if node.id in (LOOP_FILLERS if node in loops else FILLERS)
    ]


def place(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", TEXTS, ids=place)
def test_a_page_a_card_or_a_board_avoids_the_words(path):
    assert not faults(prose(path))


def part(path: Path) -> str:
    """Return the module or package directly below aecbench/ that a file belongs to; "" for files elsewhere."""
    inside = path.relative_to(ROOT).parts
    return Path(inside[1]).stem if inside[0] == "aecbench" else ""


@pytest.mark.parametrize("path", [path for path in PYTHON if part(path) not in TO_MEND], ids=place)
def test_messages_and_docstrings_avoid_the_words(path):
    lines = [f"{place(path)}:{line}: {fault}" for line, text in literals(path) for fault in faults(text)]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize("path", [*PYTHON, *OTHERS], ids=place)
def test_comments_avoid_the_words(path):
    lines = [f"{place(path)}:{line}: {fault}" for line, text in comments(path) for fault in faults(text)]
    assert not lines, "\n".join(lines)


@pytest.mark.parametrize(("name", "text"), sorted(set(options(main))), ids=lambda value: value if "--" in value else "")
def test_the_help_of_an_option_is_short_and_complete(name, text):
    sentence = text.partition("  [")[0]
    assert sentence, f"{name} has no help"
    assert sentence[0].isupper(), sentence
    assert sentence.endswith("."), sentence
    assert len(sentence) <= LONGEST, f"{len(sentence)} characters: {sentence}"


@pytest.mark.parametrize("words", [[], ["leaderboard"]], ids=" ".join)
def test_a_list_of_commands_shows_whole_sentences(words):
    help_text = CliRunner().invoke(main, [*words, "--help"], env={"COLUMNS": "80"}).output
    rows = help_text.partition("Commands:\n")[2].splitlines()
    assert len(rows) >= 4
    assert [row for row in rows if not row.endswith(".") or row.endswith("...")] == []


@pytest.mark.parametrize("text", ["It is no file.", "Made anew.", "Of a file. ", "Fine. What it is.", "# What is new"])
def test_a_fault_is_found(text):
    assert len(faults(text)) == 1


@pytest.mark.parametrize("text", ["There is no file.", "What is it?", "It is no longer there.", "`has not`", "office"])
def test_what_is_right_is_not_a_fault(text):
    assert not faults(text)


def test_comments_are_read_with_their_lines(tmp_path):
    path = tmp_path / "code.py"
    path.write_text('# a block\n# of two lines\n\nx = "# no comment"  # behind code\n    # at the end\n')
    assert list(comments(path)) == [(1, "a block of two lines"), (4, "behind code"), (5, "at the end")]


def test_no_variable_is_called_by_a_filler():
    """A name is a noun that says what the variable holds: `checkpoint`, not `found`."""
    calls = [
        f"{place(path)}:{line}: {name}"
        for path in ROOT.glob("aecbench/**/*.py")
        for line, name in fillers(path.read_text())
    ]
    assert not calls, "\n".join(calls)


@pytest.mark.parametrize("code", ["found = 1", "a, told = b", "if said := f(): pass", "[one for one in x]"])
def test_a_filler_is_found(code):
    assert len(fillers(code)) == 1


@pytest.mark.parametrize("code", ["one = real(1)", "class A:\n    known: int", "def f(what): pass", "found.x = 1"])
def test_other_names_are_no_fillers(code):
    assert not fillers(code)
