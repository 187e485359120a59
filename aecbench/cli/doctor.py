"""aecbench doctor."""

import click

from aecbench.cli.common import JSON, show_json

__all__ = ["doctor"]


@click.command()
@click.option("--test/--no-test", default=True, help="Try torch, simulate a scene, cancel its echo and score it.")
@JSON
def doctor(test: bool, as_json: bool) -> None:
    """Check what is installed, tell about the machine, test on a small scene: in some ten seconds.

    It ends with a block to be pasted into a bug report, which names neither people nor folders, and with the exit
    code 1 where something that aecbench needs is missing or fails.

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
