"""Parts of the pages that are made from the code each time they are built, so that they cannot go stale.

{commands}   every command of the command line with its help
{layers}     the layers of the package, from tests/test_layers.py and the first line of every module
{recipes}    the shipped recipes, with the comment at their beginning
{metrics}    every metric: unit, direction, where it is valid, what it is
{board}      the table of a shipped board, for some metrics and by a condition
"""

import ast
import html
import itertools
from pathlib import Path
from typing import Any, ClassVar

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from aecbench.assets import find, folder, names
from aecbench.cli import main
from aecbench.leaderboard import open_board
from aecbench.metrics import DEFAULT_METRICS, METRICS
from aecbench.results import MARK, heading
from aecbench.results import cell as interval
from aecbench.results.groups import variable
from aecbench.scenes.conditions import with_unit
from aecbench.signals import Talk

__all__ = ["setup"]

ROOT = Path(__file__).parents[2]
PACKAGE, TABLE = ROOT / "aecbench", ROOT / "tests" / "test_layers.py"


class Commands(SphinxDirective):
    """A section per command."""

    def run(self) -> list[nodes.Node]:
        """Called by docutils."""
        self.env.note_dependency(str(PACKAGE / "cli"))
        return list(sections(main, "aecbench"))


def sections(group: click.Group, path: str) -> list[nodes.Node]:
    """Yield a section for each command of a group, in the order of the listing."""
    found: list[nodes.Node] = []
    for name, command in group.commands.items():
        called = f"{path} {name}"
        context = click.Context(command, info_name=called, max_content_width=92, terminal_width=92)
        section = nodes.section(ids=[called.replace(" ", "-")], names=[called])
        section += nodes.title(text=called)
        text = command.get_help(context)
        section += nodes.literal_block(text, text, language="text")
        if isinstance(command, click.Group):
            section += sections(command, called)
        found.append(section)
    return found


class Layers(SphinxDirective):
    """Rows of boxes, the highest layer first."""

    def run(self) -> list[nodes.Node]:
        """Called by docutils."""
        rows = "".join(
            f"<li><b>{rank}</b><section>{''.join(map(box, sorted(names - {'__init__'})))}</section></li>"
            for rank, names in reversed(list(enumerate(layers())))
        )
        return [nodes.raw("", f'<ol class="layers">{rows}</ol>', format="html")]


def layers() -> list[set[str]]:
    """The table in tests/test_layers.py, lowest first."""
    for node in ast.parse(TABLE.read_text()).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LAYERS":
            return list(ast.literal_eval(node.value))
    raise LookupError(f"{TABLE} has no table LAYERS")


def box(name: str) -> str:
    """A module or package with what it says of itself."""
    path = PACKAGE / name / "__init__.py" if (PACKAGE / name).is_dir() else PACKAGE / f"{name}.py"
    says = (ast.get_docstring(ast.parse(path.read_text())) or "").partition("\n")[0]
    mark = "/" if path.name == "__init__.py" else ""
    return f"<div><code>{name}{mark}</code><span>{html.escape(says)}</span></div>"


class Recipes(SphinxDirective):
    """A list of what ships."""

    def run(self) -> list[nodes.Node]:
        """Called by docutils."""
        found = nodes.definition_list()
        for name in names("recipes"):
            path = find("recipes", name)
            self.env.note_dependency(str(path))
            lines = itertools.takewhile(lambda line: line.startswith("#"), path.read_text().splitlines())
            says = " ".join(line.removeprefix("#").strip() for line in lines)
            text = [nodes.literal(text=part) if n % 2 else nodes.Text(part) for n, part in enumerate(says.split("`"))]
            term = nodes.term("", "", nodes.literal(text=name))
            found += nodes.definition_list_item("", term, nodes.definition("", nodes.paragraph("", "", *text)))
        return [found]


class Metrics(SphinxDirective):
    """A table of METRICS."""

    def run(self) -> list[nodes.Node]:
        """Called by docutils."""
        head = ("name", "column", "unit", "better", "frames", "meaning")
        rows = [[cell(nodes.strong(text=text)) for text in head]]
        for name, metric in METRICS.items():
            usual = " (usual)" if name in DEFAULT_METRICS else ""
            says = (function(metric.fn).__globals__["__doc__"] or "").partition("\n")[0]
            texts = (metric.title, metric.unit, metric.better, frames(metric.talk), says + usual)
            rows.append([cell(nodes.literal(text=name)), *(cell(nodes.Text(text)) for text in texts)])
        return [table(rows)]


class Scores(SphinxDirective):
    """The systems of a board, the best first, for each value of a condition and for all scenes."""

    required_arguments = 1  # name of the board
    option_spec: ClassVar[dict[str, Any]] = {"metrics": str, "by": str}

    def run(self) -> list[nodes.Node]:
        """Called by docutils."""
        path = folder("leaderboards") / self.arguments[0]
        for file in path.rglob("*.*"):
            self.env.note_dependency(str(file))
        board, by = open_board(path), self.options.get("by")
        metrics = self.options.get("metrics", " ".join(board.rules.ranked_by)).split()
        titles = ["system", *(heading(metric, board.facts) for metric in metrics)]
        titles = [with_unit(variable(by)), *titles] if by else titles
        rows = [[cell(nodes.strong(text=title)) for title in titles]]
        for condition in [by, None] if by else [None]:
            summary = board.summary(condition)
            for label in dict.fromkeys(label for label, _ in summary):
                for standing in board.standings:
                    mark = f" {MARK}" if standing.name in board.table.destroyed else ""
                    texts = [interval(metric, summary[label, standing.name][metric]) for metric in metrics]
                    labels = [cell(nodes.Text(label or "all"))] if by else []
                    system = nodes.paragraph("", "", nodes.literal(text=standing.name), nodes.Text(mark))
                    rows.append([*labels, nodes.entry("", system), *(cell(nodes.Text(text)) for text in texts)])
        return [table(rows)]


def table(rows: list[list[nodes.entry]]) -> nodes.table:
    """Return a table; its first row is the head."""
    group = nodes.tgroup("", *(nodes.colspec(colwidth=1) for _ in rows[0]), cols=len(rows[0]))
    group += nodes.thead("", nodes.row("", *rows[0]))
    group += nodes.tbody("", *(nodes.row("", *row) for row in rows[1:]))
    return nodes.table("", group, classes=["metrics"])


def function(fn: Any) -> Any:
    """The function itself, of one with arguments bound or of one that is wrapped."""
    fn = getattr(fn, "func", fn)
    return getattr(fn, "__wrapped__", fn)


def frames(talk: frozenset[Talk]) -> str:
    """Who talks in the frames that count."""
    return ", ".join(one.name.lower() for one in sorted(talk))


def cell(content: nodes.Node) -> nodes.entry:
    """Return a cell of a table."""
    return nodes.entry("", nodes.paragraph("", "", content))


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.add_directive("commands", Commands)
    app.add_directive("layers", Layers)
    app.add_directive("recipes", Recipes)
    app.add_directive("metrics", Metrics)
    app.add_directive("board", Scores)
    return {"parallel_read_safe": True}
