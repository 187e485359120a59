"""aecbench doctor."""

import click

from aecbench.cli.common import JSON, show_json

__all__ = ["doctor"]


@click.command()
@click.option("--test/--no-test", default=True, help="Try torch, simulate a scene, cancel its echo and score it.")
@JSON
def doctor(test: bool, as_json: bool) -> None:
    """Check the installation and run a small test.

    This takes about ten seconds. The output ends with a block to paste into a bug report, without names of people or
    folders. The exit code is 1 if something that aecbench needs is missing or fails.

    \b
    aecbench doctor
    aecbench doctor --no-test --json
    """
    from aecbench.doctor import graphics, installation, machine, self_test
    from aecbench.errors import AecbenchError
    from aecbench.report.doctor import Examination, part_lines, step_line

    say = (lambda line: None) if as_json else click.echo
    examination = Examination(installation(), machine(), graphics() if test else None)
    for line in (*part_lines(examination.installation), ""):
        say(line)
    for step in self_test() if test else ():
        examination = examination._replace(steps=[*examination.steps, step])
        say(step_line(step))
    if as_json:
        show_json(examination.facts)
    for line in ("", "For a bug report, copy this:", "", *examination.lines()):
        say(line)
    if examination.failed:
        raise AecbenchError(f"does not work here: {'; '.join(examination.failed)}")
