"""The command line, one file per command: parses arguments, calls one function, and prints a path or a table."""

import codecs
import errno
import os
import re
import sys
import warnings
from collections.abc import Iterator, Mapping
from io import TextIOWrapper
from pkgutil import resolve_name
from typing import Any

import click

from aecbench._version import __version__
from aecbench.cli.common import ADVICE
from aecbench.cli.interrupt import interruptible
from aecbench.errors import AecbenchError, blame
from aecbench.garbage import collect_less

__all__ = ["main"]

AS_BYTES = "aecbench.as_bytes"  # how streams encode file names
EXPANDED = re.compile(r"(--set=)?[\w.]+=\w+=\[[^\]]*")  # data.ser=uniform=[-15, the first half of an expanded {...,...}
FULL = (errno.ENOSPC, errno.EDQUOT)  # no space left on a disk, or none within a quota
STOPPED = 130  # exit code after Ctrl-C, as in shells: 128 plus the number of the signal

# A command is one file and one line here: its name, and "module:function", imported on first use.
COMMANDS = {
    "quickstart": "aecbench.cli.quickstart:quickstart",
    "simulate": "aecbench.cli.simulate:simulate",
    "eval": "aecbench.cli.eval:evaluate",
    "compare": "aecbench.cli.compare:compare",
    "cost": "aecbench.cli.cost:cost",
    "tune": "aecbench.cli.tune:tune",
    "train": "aecbench.cli.train:train",
    "average": "aecbench.cli.average:average",
    "cancel": "aecbench.cli.cancel:cancel",
    "demo": "aecbench.cli.demo:demo",
    "inspect": "aecbench.cli.inspect:inspect",
    "verify": "aecbench.cli.verify:verify",
    "list": "aecbench.cli.list_:list_",
    "fetch": "aecbench.cli.fetch:fetch",
    "import": "aecbench.cli.import_:import_",
    "echoes": "aecbench.cli.echoes:echoes",
    "export": "aecbench.cli.export:export",
    "export-model": "aecbench.cli.export_model:export_model",
    "publish": "aecbench.cli.publish:publish",
    "leaderboard": "aecbench.cli.leaderboard:leaderboard",
    "doctor": "aecbench.cli.doctor:doctor",
    "completion": "aecbench.cli.completion:completion",
}


def _as_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode undecodable bytes of a file name as these bytes, and other characters that a stream lacks as "?"."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("replace")(error)


codecs.register_error(AS_BYTES, _as_bytes)


def _prepare(name: str) -> None:
    """Make a standard stream one that any text can be written to: closed (2>&-), or of a narrow encoding."""
    stream = getattr(sys, name)
    if stream is None:
        handle = os.open(os.devnull, os.O_WRONLY)
        os.set_inheritable(handle, True)  # for worker processes
        setattr(sys, name, os.fdopen(handle, "w"))
    elif isinstance(stream, TextIOWrapper):
        stream.reconfigure(errors=AS_BYTES)


class Commands(Mapping[str, click.Command]):
    """The commands by name, imported on first use: without the files of the others, one takes 0.6 MB less memory."""

    def __getitem__(self, name: str) -> click.Command:
        """Import a command."""
        command: click.Command = resolve_name(COMMANDS[name])
        return command

    def __iter__(self) -> Iterator[str]:
        """Yield the names."""
        return iter(COMMANDS)

    def __len__(self) -> int:
        """Return the number of commands."""
        return len(COMMANDS)


class Group(click.Group):
    """Turns the errors of aecbench into one line on standard error and their exit code."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options of the group. Raises UsageError for a value in braces that a shell has expanded."""
        for argument in filter(EXPANDED.fullmatch, args):
            raise click.UsageError(
                f"{argument!r} is a part of a value in braces, which the shell has split; put the value in quotes: "
                "--set KEY='{uniform=[-15, 10]}'",
                ctx,
            )
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command."""
        collect_less()
        _prepare("stdout")
        _prepare("stderr")
        try:
            with interruptible():
                return super().invoke(ctx)
        except KeyboardInterrupt:
            warnings.simplefilter("ignore")  # joblib warns about unfinished work
            click.echo(f"aecbench: stopped; {ctx.meta.get(ADVICE, 'no incomplete files are left')}", err=True)
            ctx.exit(STOPPED)
        except AecbenchError as error:
            click.echo(f"aecbench: {' '.join(str(error).split())}", err=True)
            ctx.exit(error.exit_code)
        except SystemExit as error:  # of a user's code; its exit code, such as 0, must not pass for the result
            click.echo(f"aecbench: the program was ended by code outside of aecbench: {blame(error)}", err=True)
            ctx.exit(AecbenchError.exit_code)
        except OSError as error:
            if error.errno not in FULL:
                raise
            place = error.filename or "the output"
            click.echo(f"aecbench: {place}: cannot be written ({error.strerror}); free space", err=True)
            ctx.exit(AecbenchError.exit_code)

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Return the command of this name. Raises UsageError that suggests the nearest name for a mistyped one."""
        from aecbench.errors import did_you_mean

        try:
            return super().resolve_command(ctx, args)
        except click.UsageError:
            raise click.UsageError(f"no command {args[0]!r}: {did_you_mean(args[0], self.commands)}", ctx) from None


@click.group(
    cls=Group, commands=Commands(), context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="aecbench")
def main() -> None:
    """Simulate, run and compare acoustic echo cancellers.

    \b
    aecbench quickstart                               a small corpus, and a table of all systems
    aecbench simulate synthetic-v2 --split test       a corpus of 200 scenes, offline
    aecbench eval --model kalman --model nlms         a table of two systems
    aecbench cancel --model kalman --mic mic.wav --far far.wav --out out.wav
    """
