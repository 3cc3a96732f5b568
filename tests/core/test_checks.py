"""What `batty doctor` concludes from facts. `missing` is only what keeps batty from working."""

import pytest

from batty_tmux.core import checks
from batty_tmux.core.checks import AgentFacts, Finding, Machine, PlaceFacts, Setup, Version, version

MACHINE = Machine((3, 11), Version((3, 6), "3.6"), Version((2, 43), "2.43"), "apt", "/k", "/bin/batty", True, "/bin")
SETUP = Setup("main", True, "", "make test", 2, (), (), "")


def states(findings: tuple[Finding, ...]) -> dict[str, str]:
    return {finding.check: finding.state for finding in findings}


@pytest.mark.parametrize(
    ("text", "number", "shown"),
    [
        ("tmux 3.3a\n", (3, 3), "3.3a"),
        ("tmux next-3.8", (3, 8), "next-3.8"),
        ("tmux 3.10", (3, 10), "3.10"),
        ("git version 2.39.5 (Apple Git-154)", (2, 39), "2.39.5 (Apple Git-154)"),
        ("git version 2.38.0.windows.1", (2, 38), "2.38.0.windows.1"),
        ("2.1.197 (Claude Code)", (2, 1), "2.1.197 (Claude Code)"),
    ],
)
def test_a_version_is_read_from_what_a_program_prints(text: str, number: tuple[int, int], shown: str) -> None:
    assert version(text) == Version(number, shown)


@pytest.mark.parametrize("text", ["tmux master", "tmux openbsd-7.6"])
def test_a_build_without_numbers_counts_as_the_newest(text: str) -> None:
    found = version(text)
    assert found is not None
    assert found.number > (100, 0)


def test_a_program_that_says_nothing_has_no_version() -> None:
    assert version("\n \n") is None


@pytest.mark.parametrize(
    ("tmux", "state", "notes"),
    [
        ((3, 1), "missing", False),
        ((3, 2), "ok", True),
        ((3, 5), "ok", True),
        ((3, 6), "ok", False),
        ((3, 10), "ok", False),
    ],
)
def test_tmux_is_needed_from_3_2_and_dependable_from_3_6(tmux: tuple[int, int], state: str, notes: bool) -> None:
    found = states(checks.machine(_machine(tmux=Version(tmux, "x"))))
    assert (found["tmux"], "pane-died" in found) == (state, notes)


@pytest.mark.parametrize(("git", "state"), [((2, 37), "missing"), ((2, 38), "ok"), ((3, 0), "ok")])
def test_git_is_needed_from_2_38(git: tuple[int, int], state: str) -> None:
    assert states(checks.machine(_machine(git=Version(git, "x"))))["git"] == state


def test_what_is_not_found_is_mended_by_the_package_manager_that_is_there() -> None:
    findings = checks.machine(_machine(tmux=None, installer="sudo apt-get install"))
    assert next(f.mend for f in findings if f.check == "tmux") == "sudo apt-get install tmux"


def test_another_program_called_batty_is_told_and_not_fatal() -> None:
    findings = checks.machine(_machine(batty="/usr/bin/batty", ours=False))
    told = next(f for f in findings if f.check == "batty")
    assert (told.state, "/usr/bin/batty" in told.says, bool(told.mend)) == ("note", True, True)
    assert checks.passes(findings)


def test_both_parts_of_an_identity_are_needed() -> None:
    assert checks.identity("A", "a@x").state == "ok"
    half = checks.identity("A", " ")
    assert (half.state, "user.email" in half.mend, "user.name" in half.mend) == ("missing", True, False)


def test_a_repository_that_is_set_up_passes() -> None:
    assert checks.passes(checks.setup(SETUP))


@pytest.mark.parametrize(
    ("facts", "check"),
    [
        (Setup("main", True, "main:batty.toml:3: x", "make", 1, (), (), ""), "batty.toml"),
        (Setup("main", True, "", " ", 1, (), (), ""), "gate"),
        (Setup("main", True, "", "make", 0, (), (), ""), "boards"),
        (Setup("main", True, "", "make", 2, (), (), "", faults=("a depends on gone",)), "boards"),
    ],
)
def test_each_thing_that_work_needs_is_missing_by_itself(facts: Setup, check: str) -> None:
    lacking = [finding for finding in checks.setup(facts) if finding.state == "missing"]
    assert [finding.check for finding in lacking] == [check]
    assert lacking[0].mend


def test_what_waits_to_be_committed_is_mended_by_the_commit_and_else_by_init() -> None:
    waits = Setup("main", False, "", "", 0, ("batty.toml", "kanban/phase-1/config.yml"), (), "git commit x")
    assert {finding.mend for finding in checks.setup(waits) if finding.mend} == {"git commit x"}
    bare = Setup("main", False, "", "", 0, (), (), "")
    assert {finding.mend for finding in checks.setup(bare) if finding.mend} == {"batty init"}


def test_an_uncommitted_edit_is_a_note_when_the_base_holds_enough_to_work() -> None:
    facts = Setup("main", True, "", "make", 1, ("batty.toml",), (), "git commit x", "batty.toml:1: y")
    assert checks.passes(checks.setup(facts))
    assert states(checks.setup(facts)).items() >= {"uncommitted": "note", "draft": "note"}.items()


def test_only_the_chosen_agent_must_be_there() -> None:
    other = AgentFacts("codex", "codex", None, "", chosen=False)
    chosen = AgentFacts("claude", "claude", None, "", chosen=True)
    found = AgentFacts("mine", "./run", "/x/run", "", chosen=True)
    assert [finding.state for finding in checks.agents((other, chosen, found))] == ["note", "missing", "ok"]


@pytest.mark.parametrize(
    ("facts", "state"),
    [
        (PlaceFacts("/t", True, False, True, 2 * 10**9), "ok"),
        (PlaceFacts("/t", False, False, True, 2 * 10**9), "ok"),
        (PlaceFacts("/t", True, True, True, 2 * 10**9), "missing"),
        (PlaceFacts("/t", True, False, False, 2 * 10**9), "missing"),
        (PlaceFacts("/t", True, False, True, 10**9 - 1), "missing"),
    ],
)
def test_the_place_for_worktrees_is_outside_writable_and_roomy(facts: PlaceFacts, state: str) -> None:
    assert checks.place(facts).state == state


def _machine(
    *,
    tmux: Version | None = MACHINE.tmux,
    git: Version | None = MACHINE.git,
    installer: str = "apt",
    batty: str = "/bin/batty",
    ours: bool = True,
) -> Machine:
    return Machine((3, 11), tmux, git, installer, None, batty, ours, "/bin")
