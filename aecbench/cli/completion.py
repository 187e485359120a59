"""aecbench completion."""

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

SHELLS = ["bash", "zsh", "fish"]
PROGRAM, VARIABLE = "aecbench", "_AECBENCH_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
def completion(shell: str) -> None:
    """Print a script that completes commands, options and names.

    In your shell, it completes the names of models, recipes, metrics and boards too. To install it:

    \b
    aecbench completion bash > ~/.aecbench-complete; echo 'source ~/.aecbench-complete' >> ~/.bashrc
    aecbench completion zsh > ~/.aecbench-complete; echo 'source ~/.aecbench-complete' >> ~/.zshrc
    aecbench completion fish > ~/.config/fish/completions/aecbench.fish

    To use it in the current shell only:

    \b
    eval "$(aecbench completion bash)"
    """
    kind = get_completion_class(shell)
    root = click.get_current_context().find_root().command
    if kind is not None:
        script = kind(root, {}, PROGRAM, VARIABLE)
        click.echo(script.source_template % script.source_vars())
