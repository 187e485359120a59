"""The command line, one file per command: parses arguments, calls one function, and prints a path or a table."""

import codecs
import errno
import os
import re
import sys
import warnings
from io import TextIOWrapper
from typing import Any

import click

from aecbench._version import __version__
from aecbench.cli.average import average
from aecbench.cli.cancel import cancel
from aecbench.cli.common import ADVICE
from aecbench.cli.compare import compare
from aecbench.cli.completion import completion
from aecbench.cli.cost import cost
from aecbench.cli.demo import demo
from aecbench.cli.doctor import doctor
from aecbench.cli.echoes import echoes
from aecbench.cli.eval import evaluate
from aecbench.cli.export import export
from aecbench.cli.export_model import export_model
from aecbench.cli.fetch import fetch
from aecbench.cli.import_ import import_
from aecbench.cli.inspect import inspect
from aecbench.cli.interrupt import interruptible
from aecbench.cli.leaderboard import leaderboard
from aecbench.cli.list_ import list_
from aecbench.cli.publish import publish
from aecbench.cli.quickstart import quickstart
from aecbench.cli.simulate import simulate
from aecbench.cli.train import train
from aecbench.cli.tune import tune
from aecbench.cli.verify import verify
from aecbench.errors import AecbenchError

__all__ = ["main"]

AS_BYTES = "aecbench.as_bytes"  # how streams encode file names
EXPANDED = re.compile(r"(--set=)?[\w.]+=\w+=\[[^\]]*")  # data.ser=uniform=[-15, the first half of an expanded {...,...}
FULL = (errno.ENOSPC, errno.EDQUOT)  # no space left on a disk, or none within a quota
STOPPED = 130  # exit code after Ctrl-C, as in shells: 128 plus the number of the signal

# A command is one file and one line here.
COMMANDS = [
    quickstart,
    simulate,
    evaluate,
    compare,
    cost,
    tune,
    train,
    average,
    cancel,
    demo,
    inspect,
    verify,
    list_,
    fetch,
    import_,
    echoes,
    export,
    export_model,
    publish,
    leaderboard,
    doctor,
    completion,
]


def _as_bytes(error: UnicodeError) -> tuple[str | bytes, int]:
    """Encode undecodable bytes of a file name as these bytes, and other characters that a stream lacks as "?"."""
    try:
        return codecs.lookup_error("surrogateescape")(error)
    except UnicodeError:
        return codecs.lookup_error("replace")(error)


codecs.register_error(AS_BYTES, _as_bytes)


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
        for name in ("stdout", "stderr"):
            stream = getattr(sys, name)
            if stream is None:  # it is closed, as by 2>&-
                handle = os.open(os.devnull, os.O_WRONLY)
                os.set_inheritable(handle, True)  # for worker processes
                setattr(sys, name, os.fdopen(handle, "w"))
            elif isinstance(stream, TextIOWrapper):  # a character that a stream cannot encode must not end the program
                stream.reconfigure(errors=AS_BYTES)
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
    cls=Group, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.version_option(__version__, prog_name="aecbench")
def main() -> None:
    """Simulate, run and compare acoustic echo cancellers.

    \b
    aecbench quickstart                               a small corpus, and a table of all systems
    aecbench simulate speech-v1 --speech DIR          a corpus from your own speech
    aecbench eval --model kalman --model nlms         a table of two systems
    aecbench cancel --model kalman --mic mic.wav --far far.wav --out out.wav
    """
