"""`batty doctor` and `batty config` on a real machine and real repositories."""

import json
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batty_tmux.commands import config, doctor
from batty_tmux.core.events import RunStarted
from batty_tmux.drive import guard
from batty_tmux.drive.place import Place
from batty_tmux.errors import BattyError
from batty_tmux.host.process import run
from batty_tmux.names import RunId
from tests.support.repo import bare_repository

GOOD = "[run]\nagent = 'mine'\n[agents.mine]\ncommand = ['my-agent']\n[gate]\ncommand = 'true'\n"
TOOLS = ("git", "tmux", "sh", "env")


def git(repo: Path, *words: str) -> str:
    dates = {"GIT_AUTHOR_DATE": "2026-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2026-01-01T00:00:00Z"}
    return run(("git", "-C", str(repo), *words), env=dates).check().stdout.strip()


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is the whole PATH, so that what the machine has besides does not matter."""
    folder = tmp_path / "programs"
    folder.mkdir()
    for tool in TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    put(folder / "my-agent", '#!/bin/sh\n: > "$0.started"\n')
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def repo(tmp_path: Path, programs: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository in which nothing is missing."""
    folder = bare_repository(tmp_path, monkeypatch)
    (folder / "batty.toml").write_text(GOOD)
    put(folder / "kanban/phase-1/PHASE.md", "# One\n")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "start")
    return folder


def examined(folder: Path, *words: str) -> tuple[int, dict[str, dict[str, Any]]]:
    result = CliRunner().invoke(doctor.command, ["--json", *words], obj=folder, catch_exceptions=False)
    told = json.loads(result.stdout)
    assert told["ok"] == (result.exit_code == 0)
    assert told["next"]
    return result.exit_code, {row["check"]: row for row in told["checks"]}


def shown(folder: Path, *words: str) -> Result:
    return CliRunner().invoke(config.command, words, obj=folder, catch_exceptions=False)


def test_nothing_is_missing_where_nothing_is(repo: Path, programs: Path) -> None:
    code, checks = examined(repo)
    assert code == 0, checks
    assert checks["agent mine"]["says"] == str(programs / "my-agent")
    assert not (programs / "my-agent.started").exists()


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"phase-1/PHASE.md": "---\ndepends_on: [gone]\n---\n"}, "phase-1 depends on gone, which does not exist"),
        ({"phase-1/PHASE.md": "---\ndepends_on: [phase-1]\n---\n"}, "these phases wait for each other: phase-1"),
        ({"phase-1/tasks/001-a.md": "no front matter"}, "kanban/phase-1/tasks/001-a.md:1: "),
        ({"a b/config.yml": "version: 11"}, "kanban/a b: "),
    ],
    ids=["unknown name", "cycle", "unreadable", "refused name"],
)
def test_boards_that_cannot_be_worked_on_are_missing(repo: Path, files: dict[str, str], says: str) -> None:
    """Doctor says before the run what `batty work` would refuse."""
    task = {"phase-1/tasks/001-a.md": "---\nid: 1\ntitle: x\nstatus: todo\n---\n"}
    for name, text in (task | files).items():
        put(repo / "kanban" / name, text)
    git(repo, "add", "-A")
    git(repo, "commit", "-q", "-m", "spoil")
    code, checks = examined(repo)
    assert code == 1
    assert (checks["boards"]["state"], says in checks["boards"]["says"]) == ("missing", True), checks["boards"]


@pytest.mark.parametrize(
    ("spoil", "check"),
    [
        ("tmux", "tmux"),
        ("my-agent", "agent mine"),
        ("identity", "identity"),
        ("file", "batty.toml"),
        ("gate", "gate"),
        ("boards", "boards"),
        ("inside", "worktrees"),
    ],
)
def test_each_missing_thing_is_named_with_its_remedy(repo: Path, programs: Path, spoil: str, check: str) -> None:
    if (programs / spoil).exists():
        (programs / spoil).unlink()
    elif spoil == "identity":
        git(repo, "config", "--unset", "user.email")
    else:
        if spoil == "boards":
            git(repo, "rm", "-rq", "kanban")
        text = {"file": "[x]", "gate": GOOD.replace("true", ""), "inside": GOOD + "[review]\n"}.get(spoil, GOOD)
        (repo / "batty.toml").write_text(
            text.replace("[run]", "[run]\nworktrees = 'trees'") if spoil == "inside" else text
        )
        git(repo, "commit", "-qam", "spoil", "--allow-empty")
    code, checks = examined(repo)
    lacking = {name for name, row in checks.items() if row["state"] == "missing"}
    assert code == 1
    assert check in lacking
    assert lacking <= {check, "agent claude"}
    assert checks[check]["mend"]


def test_outside_of_a_repository_the_machine_is_still_examined(repo: Path) -> None:
    code, checks = examined(repo.parent)
    assert (code, checks["repository"]["state"], checks["tmux"]["state"]) == (1, "missing", "ok")


def test_an_uncommitted_edit_is_told_with_its_commit_and_its_faults(repo: Path) -> None:
    (repo / "batty.toml").write_text("[gate]\ncomand = 'x'\n")
    code, checks = examined(repo)
    assert code == 0
    assert checks["uncommitted"]["mend"].startswith("git add batty.toml && git commit")
    assert "batty.toml:2: gate.comand" in checks["draft"]["says"]


@pytest.mark.parametrize(
    ("text", "state"), [("#!/bin/sh\nexec other\n", "note"), ("from batty_tmux.cli import main", "ok")]
)
def test_another_program_called_batty_is_told_from_this_one(repo: Path, programs: Path, text: str, state: str) -> None:
    put(programs / "batty", text)
    code, checks = examined(repo)
    assert (code, checks["batty"]["state"]) == (0, state)


def test_a_known_agent_is_asked_for_its_version(repo: Path, programs: Path) -> None:
    put(programs / "claude", "#!/bin/sh\necho '2.1.197 (Claude Code)'\n")
    (repo / "batty.toml").write_text("[gate]\ncommand = 'true'\n")
    git(repo, "commit", "-qam", "claude")
    assert "2.1.197" in examined(repo)[1]["agent claude"]["says"]


def test_fix_makes_the_folder_for_worktrees_and_nothing_else(repo: Path) -> None:
    before = git(repo, "status", "--porcelain")
    assert examined(repo)[0] == 0
    place = repo.parent / "repo.batty"
    assert not place.exists()
    CliRunner().invoke(doctor.command, ["--fix"], obj=repo, catch_exceptions=False)
    assert place.is_dir()
    assert git(repo, "status", "--porcelain") == before


def test_the_guard_is_tried_told_and_mended(repo: Path) -> None:
    """Not there before the first run, in force once made, named when a hook is gone; --fix makes and mends it."""
    refs = git(repo, "for-each-ref")
    assert examined(repo)[1]["guard"]["says"].endswith("made when the first executor starts")
    assert not (repo / ".git/batty").exists()
    CliRunner().invoke(doctor.command, ["--fix"], obj=repo, catch_exceptions=False)
    folder = repo / ".git/batty/guard"
    assert examined(repo)[1]["guard"]["says"] == f"in force, tried by {folder}"
    hook = folder / "reference-transaction"
    hook.unlink()
    put(hook, "#!/bin/sh\n")
    code, checks = examined(repo)
    assert (code, checks["guard"]["state"], checks["guard"]["mend"]) == (0, "note", "batty doctor --fix")
    assert checks["guard"]["says"].endswith("reference-transaction")
    CliRunner().invoke(doctor.command, ["--fix"], obj=repo, catch_exceptions=False)
    assert examined(repo)[1]["guard"]["state"] == "ok"
    assert git(repo, "for-each-ref") == refs


def test_the_guard_is_that_of_the_runs_base(repo: Path) -> None:
    """A run with --base has written the hooks for it; the default base does not make them wrong."""
    git(repo, "branch", "other")
    place = Place.around(repo)
    place.records.append(RunStarted(run=RunId("001"), base="other", parallel=1))
    guard.install(place, "other")
    assert examined(repo)[1]["guard"]["state"] == "ok"
    assert examined(repo, "--base", "main")[1]["guard"]["state"] == "note"


def test_the_lines_for_people_end_in_the_next_command(repo: Path, programs: Path) -> None:
    (programs / "my-agent").unlink()
    result = CliRunner().invoke(doctor.command, [], obj=repo, catch_exceptions=False)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1].startswith("next: $EDITOR batty.toml")


def test_config_tells_where_each_value_comes_from(repo: Path) -> None:
    told = json.loads(shown(repo, "--json").stdout)
    keys = {row["key"]: (row["value"], row["from"]) for row in told["keys"]}
    assert told["base"] == "main"
    assert keys["run.agent"] == ("mine", "file")
    assert keys["agents.mine.command"] == (["my-agent"], "file")
    assert keys["run.parallel"] == (1, "default")


def test_config_shows_the_base_and_says_when_the_checkout_differs(repo: Path) -> None:
    (repo / "batty.toml").write_text("[run]\nparallel = 9\n")
    result = shown(repo)
    assert "run.parallel = 1 " in result.stdout
    assert "git add batty.toml && git commit" in result.stderr


def test_config_refuses_a_base_that_is_not_there(repo: Path) -> None:
    with pytest.raises(BattyError, match="no branch nowhere"):
        shown(repo, "--base", "nowhere")
