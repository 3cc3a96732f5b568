"""batty completion: what a shell needs to complete batty's words."""

import click
from click.shell_completion import get_completion_class

VARIABLE = "_BATTY_COMPLETE"
"""Where it is set, batty answers the shell instead of doing anything: click looks for it."""


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.option("--as", "name", default="batty", metavar="NAME", help="The command to complete: batty, or batty-tmux.")
@click.pass_context
def command(context: click.Context, shell: str, name: str) -> None:
    """Print the script that completes commands, options, phases and queue entries in a shell.

    \b
    Examples:
      eval "$(batty completion bash)"                                        in ~/.bashrc
      eval "$(batty completion zsh)"                                         in ~/.zshrc, after compinit
      batty completion fish | source                                         in ~/.config/fish/config.fish
    """
    found = get_completion_class(shell)
    if found is not None:
        click.echo(found(context.find_root().command, {}, name, VARIABLE).source())
