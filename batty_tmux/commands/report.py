"""batty report: what a run did and where its time went, as one page; and the proof of what landed."""

from pathlib import Path

import click
import msgspec

from batty_tmux.commands.show import as_json, say
from batty_tmux.core.account_markdown import markdown
from batty_tmux.core.account_words import proof_sentence, verdict
from batty_tmux.core.report import Proof, proof_lines
from batty_tmux.drive.account import account, for_programs, write_page
from batty_tmux.drive.evidence import evidence
from batty_tmux.drive.project import Project
from batty_tmux.errors import BattyError, UsageError
from batty_tmux.host.browser import show


@click.command()
@click.option("-o", "--output", "file", metavar="FILE", help="Write the page there; - prints it.  [with the run]")
@click.option("--run", metavar="RUN", default="", help="The run to tell of, such as 001.  [the newest]")
@click.option("--open", "open_", is_flag=True, help="Show the page in your browser.")
@click.option("--markdown", "markdown_", is_flag=True, help="Print it for a pull request.")
@click.option("--proof", "proof_", is_flag=True, help="Print the proof of everything that landed, and nothing else.")
@click.option("--json", "json_", is_flag=True, help="For programs.")
@click.pass_obj
def command(repo: Path, file: str | None, run: str, open_: bool, markdown_: bool, proof_: bool, json_: bool) -> int:
    """Tell what a run did, where its time went, who answered what, and prove what landed: one page of HTML.

    Exit status 1 says that something landed and cannot be proved.

    \b
    Examples:
      batty report                      # writes the page, and prints where
      batty report --markdown           # the same, shorter, for a pull request
      batty report --proof              # the base's history, and the gate run of every landed tree
    """
    _refuse_two(file=file is not None or open_, markdown=markdown_, proof=proof_, json=json_)
    project = Project.around(repo)
    if proof_:
        proof = evidence(project)
        click.echo("\n".join(proof_lines(proof)))
        return _status(proof)
    if json_:
        return _for_programs(project, run)
    told, proof = account(project, run)
    if markdown_:
        click.echo(markdown(told), nl=False)
        return _status(proof)
    page = write_page(project, told, file)
    if isinstance(page, str):
        click.echo(page, nl=False)
        return _status(proof)
    click.echo(page)
    say(f"{verdict(told)} {proof_sentence(told)}")
    if open_ and not show(page):
        raise BattyError("no-browser", "no browser could be opened", evidence=(str(page),), next="batty report")
    return _status(proof)


def _status(proof: Proof) -> int:
    if proof.sound:
        return 0
    say("✗ something landed and cannot be proved   ↳ batty report --proof")
    return 1


def _refuse_two(**wanted: bool) -> None:
    chosen = [name for name, there in wanted.items() if there]
    if len(chosen) > 1:
        what = "a page, Markdown, the proof or JSON: one at a time"
        raise UsageError("two-answers", what, evidence=tuple(chosen), next="batty report --help")


def _for_programs(project: Project, run: str) -> int:
    """Print the proof, and the account of the run where there is one: who only wants the proof needs no run."""
    if not (run or project.run.id):
        proof = evidence(project)
        as_json(proof)
        return _status(proof)
    told, proof = account(project, run)
    as_json({**msgspec.to_builtins(proof), **for_programs(told)})
    return _status(proof)
