"""batty policy: the rules by which prompts are answered, tried on one prompt and on all that were."""

from collections.abc import Iterable
from pathlib import Path

import click

from batty_tmux.commands.tables import console, table
from batty_tmux.config import literal
from batty_tmux.core import prompts
from batty_tmux.core.policy import Mode, Outcome, Policy, decide, matchers, view_of
from batty_tmux.core.replay import Change, Decision, Replay, decision_of, replay
from batty_tmux.core.request import Request, of_prompt, of_tool
from batty_tmux.core.rule_sets import SETS, View, rules_of
from batty_tmux.core.wrappers import as_typed
from batty_tmux.drive.policies import changed_policy, policy_of, worktree_of
from batty_tmux.drive.project import Project
from batty_tmux.names import clean

MODES = ("observe", "suggest", "act", "full")
_WIDTH = 200


@click.group(invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Show the mode and the rules by which prompts are answered; the first that fits decides.

    \b
    Examples:
      batty policy
      batty policy test "pytest -q && git push"
      batty policy replay --set trusting
    """
    if ctx.invoked_subcommand is None:
        _show(policy_of(Project.around(ctx.obj)))


def _show(policy: Policy) -> None:
    click.echo(f"mode {policy.mode}   set {policy.set}")
    rows = [(rule.name, ", ".join(matchers(rule)), rule.answer) for rule in policy.rules]
    rows += [(rule.name, rule.told, rule.answer) for rule in rules_of(policy.set)]
    if policy.mode == "full":
        rows.append(("full", "every other permission and edit", "yes once"))
    console().print(table(("rule", "for", "answer"), [tuple(clean(cell, _WIDTH) for cell in row) for row in rows]))
    click.echo("Above them all stands what no rule may allow, below them you.")


# --- one prompt ---------------------------------------------------------------------------------------------


@command.command("test")
@click.argument("text")
@click.option("--tool", default="", metavar="NAME", help="The agent's tool that asks: Bash, Edit, mcp__server__tool.")
@click.option("--path", "paths", multiple=True, metavar="PATH", help="A file that it would touch.")
@click.option("--kind", default="", metavar="KIND", help="The kind of prompt: confirm, question, permission, edit.")
@click.option("--phase", default="", metavar="PHASE", help="Whose worktree; the checkout stands for it otherwise.")
@click.option("--set", "set_", type=click.Choice(SETS), help="Another set of built-in rules.")
@click.option("--mode", type=click.Choice(MODES), help="Another mode.")
@click.pass_context
def test_(
    ctx: click.Context, text: str, tool: str, paths: tuple[str, ...], kind: str, phase: str, set_: str, mode: Mode
) -> None:
    """Say which rule decides about a prompt or a command, with what answer and why.

    The rules are those of the checkout's batty.toml, committed or not. Exit status 0 where it would be answered, 1
    where a person would be asked.

    \b
    Examples:
      batty policy test "pytest -q && git push"
      batty policy test "" --tool Edit --path src/shop.py
    """
    project = Project.around(ctx.obj)
    if phase:
        project.phase(phase)
    policy = _changed(changed_policy(project, None), set_, mode)
    worktree = worktree_of(project, phase)
    request = _request(text, tool, paths, kind)
    outcome = decide(request, policy, worktree)
    _tell(request, view_of(request, policy, worktree), outcome)
    ctx.exit(0 if decision_of(outcome).word == "answer" else 1)


def _request(text: str, tool: str, paths: tuple[str, ...], kind: str) -> Request:
    """Make a request of what was typed: a screen's prompt where it reads as one, else a command."""
    seen = None if tool or paths or kind else prompts.read(text, "claude") or prompts.read(text, "any")
    if seen is not None and (seen.kind != "question" or "\n" in text):
        return of_prompt(seen)
    if kind and not tool and kind not in {"permission", "edit"}:
        return Request(kind, text=text, question=text.rpartition("\n")[2])
    if paths:
        made = [of_tool(tool or "Edit", {"file_path": path, "text": text}) for path in paths]
        return Request(kind or made[0].kind, made[0].tool, paths=paths, text=text, family="claude")
    made_of = of_tool(tool or "Bash", {"command": text} if text else {})
    return made_of if not kind else Request(kind, made_of.tool, made_of.command, text=text, family="claude")


def _tell(request: Request, view: View, outcome: Outcome) -> None:
    decision = decision_of(outcome)
    click.echo(_line(decision))
    if decision.why:
        click.echo(f"why: {clean(decision.why, _WIDTH)}")
    if not request.command:
        return
    # the rows of one reading: more of them differ only in where a pane may have broken the line
    line = view.lines[0] if view.lines else None
    click.echo("what the parser sees:")
    for simple in line.commands if line else ():
        folder = "" if simple.folders == (".",) else f" in {' or '.join(folder or '?' for folder in simple.folders)}"
        files = "".join(f" writes {word.text}" for word in simple.writes)
        typed = as_typed(simple)
        click.echo(f"  {clean((typed[0] if typed else '(redirection)') + files + folder, _WIDTH)}")
    for doubt in line.doubts if line else ():
        click.echo(f"  not certain: {clean(doubt, _WIDTH)}")


def _line(decision: Decision) -> str:
    by = f" by {decision.rule}" if decision.rule else ""
    match decision.word:
        case "answer":
            return clean(f"answer {decision.answer!r}{by}", _WIDTH)
        case "suggest":
            return clean(f"suggest {decision.answer!r}{by}", _WIDTH)
    return clean(f"ask a person{by}", _WIDTH)


def _changed(policy: Policy, set_: str | None, mode: Mode | None) -> Policy:
    return Policy(mode or policy.mode, policy.rules, policy.base, set_ or policy.set, policy.gate)


# --- all prompts that were ----------------------------------------------------------------------------------


@command.command("replay")
@click.argument("phase", required=False, default="")
@click.option("--set", "set_", type=click.Choice(SETS), help="Another set of built-in rules.")
@click.option("--mode", type=click.Choice(MODES), help="Another mode.")
@click.option(
    "--config",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A batty.toml; else the checkout's.",
)
@click.pass_context
def replay_(ctx: click.Context, phase: str, set_: str | None, mode: Mode | None, file: Path | None) -> None:
    """Run a changed policy over all prompts of the journal; print what it would decide otherwise.

    \b
    Examples:
      batty policy replay
      batty policy replay --set careful phase-2
    """
    project = Project.around(ctx.obj)
    policy = _changed(changed_policy(project, file), set_, mode)
    found = replay(project.place.records.events, policy, phase)
    for change in found.changes:
        _tell_change(change)
    click.echo(_counted(found))
    for line in _proposals(found):
        click.echo(line)


def _tell_change(change: Change) -> None:
    asked = change.prompted
    at = asked.at.isoformat(timespec="seconds").replace("+00:00", "Z")
    what = clean(asked.subject.replace("\n", " ") or asked.question, 120)
    click.echo(f"{at}  {clean(str(asked.phase), 60)}: {what}")
    click.echo(f"  then: {_line(change.before)}")
    click.echo(f"  now:  {_line(change.after)}   {clean(change.after.why, _WIDTH)}".rstrip())


def _counted(found: Replay) -> str:
    told = ", ".join(f"{number} {word}" for word, number in sorted(found.counts.items()))
    some = f"{found.prompts} prompts" if found.prompts != 1 else "1 prompt"
    return f"{some}: {told}; {len(found.changes)} decided otherwise" if found.prompts else "no prompt is in the journal"


def _proposals(found: Replay) -> Iterable[str]:
    for candidate in found.candidates:
        asked = clean(candidate.asked.replace("\n", " "), 120)
        yield f"you answered {asked!r} with {candidate.answer!r} {candidate.times} times; a rule would be"
        yield "  [[policy.rule]]"
        yield f"  {candidate.key} = {literal(candidate.value)}"
        yield f"  answer = {literal(candidate.answer)}"
