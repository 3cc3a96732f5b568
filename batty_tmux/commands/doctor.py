"""`batty doctor`: what is missing, and the command that mends it."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from batty_tmux import __version__
from batty_tmux.core import checks, shared_report
from batty_tmux.core.checks import Finding
from batty_tmux.drive import guard, neighbours, survey
from batty_tmux.drive.place import Place
from batty_tmux.drive.settings import base_branch, base_of, repository
from batty_tmux.errors import BattyError


@click.command("doctor")
@click.option("--fix", is_flag=True, help="Make what is safe to make: the folder for worktrees, the guard's hooks.")
@click.option("--base", metavar="NAME", help="The branch whose tip is looked at.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def command(context: click.Context, fix: bool, base: str | None, as_json: bool) -> None:
    """Look at the machine and the repository; exit 1 when something necessary is missing.

    \b
    Example:
      batty doctor --fix
    """
    folder = context.obj if isinstance(context.obj, Path) else Path.cwd()
    findings = examine(folder, base, fix=fix)
    good = checks.passes(findings)
    if as_json:
        rows = [asdict(finding) for finding in findings]
        click.echo(json.dumps({"ok": good, "checks": rows, "next": _next(findings)}, indent=2, ensure_ascii=False))
    else:
        for finding in findings:
            click.echo(_line(finding))
        click.echo(f"next: {_next(findings)}")
    context.exit(0 if good else 1)


def examine(folder: Path, base: str | None, *, fix: bool) -> tuple[Finding, ...]:
    """Run every check that the ones before it leave a ground for."""
    machine = survey.machine()
    found = checks.machine(machine)
    if machine.git is None:
        return found
    try:
        repo = repository(folder)
    except BattyError as error:
        return (*found, checks.identity(*survey.identity(folder)), _refused("repository", error))
    found = (*found, checks.identity(*survey.identity(repo)), Finding("repository", "ok", str(repo)))
    try:
        branch = base_of(repo, base_branch(repo, base))
    except BattyError as error:
        return (*found, _refused("base", error))
    facts, config = survey.setup(repo, branch)
    found = (*found, *checks.setup(facts), *checks.agents(survey.agents(config, repo)))
    place = survey.place(config, repo)
    if fix and not place.exists and checks.place(place).state == "ok":
        Path(place.path).mkdir(parents=True)
        click.echo(f"made {place.path}", err=True)
        place = survey.place(config, repo)
    found = (*found, checks.place(place), *checks.fittings(survey.fittings(config, repo, branch)))
    if config.gate.workers and config.gate.command.strip():
        found = (*found, *checks.workers(survey.workers(config)))
    if branch.remote:
        found = (*found, *shared_report.findings(neighbours.survey(repo, branch, config)))
    found = (*found, *checks.hosts(survey.hosts(config, repo, branch), __version__))
    return (*found, _guard(repo, base or guard.base_of_run(repo, branch.name), fix=fix))


def _guard(repo: Path, base: str, *, fix: bool) -> Finding:
    remote = base_of(repo, base).remote
    facts = guard.facts(repo, base, remote)
    if fix and (not facts.installed or facts.stale or facts.unguarded):
        click.echo(f"made {guard.install(Place.around(repo), base, remote)}", err=True)
        facts = guard.facts(repo, base, remote)
    return checks.guard(facts)


def _refused(check: str, error: BattyError) -> Finding:
    return Finding(check, "missing", error.what, error.next)


def _line(finding: Finding) -> str:
    says = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in finding.says)
    mend = f"\n{'':8} -> {finding.mend}" if finding.mend else ""
    return f"{finding.state:<8} {finding.check:<12} {says}{mend}"


def _next(findings: tuple[Finding, ...]) -> str:
    lacking = next((finding.mend for finding in findings if finding.state == "missing" and finding.mend), "")
    return lacking or "batty work all --dry-run"
