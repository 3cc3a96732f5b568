"""Layouts: whatever a phase is called, the rendered file is the same workspace."""

import json
import os
import re
import shlex
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tmuxp.workspace.loader import expandshell

from batty_tmux.core.layout import (
    LAYOUTS,
    Home,
    Window,
    check_layout,
    missing,
    packed_path,
    parse,
    session_name,
    shell_line,
    tmuxp_directory,
    tmuxp_text,
    to_yaml,
    workspace,
)
from batty_tmux.errors import BattyError
from batty_tmux.host.files import share
from batty_tmux.names import PhaseId, RunId
from tests.support.hostile import FOLDERS, TITLES

LAYOUT_FILES = sorted((share() / "layouts").glob("*.yaml.j2"))
HOME = Home("/repo", ("batty", "dashboard"), RunId("001"), "/repo")


def window(title: str = "Title", start: str = "/repo", *, phase: str = "phase-1", word: str = "x") -> Window:
    argv = ("agent", "--task", word)
    return Window(PhaseId(phase), title, start, argv, ("batty", "supervise", phase), RunId("001"), start)


@pytest.fixture(params=LAYOUT_FILES, ids=lambda path: path.name)
def template(request: pytest.FixtureRequest) -> str:
    path: Path = request.param
    return path.read_text()


def test_both_layouts_are_here() -> None:
    """The two layouts that ship are phase and wide."""
    assert [path.name for path in LAYOUT_FILES] == ["phase.yaml.j2", "wide.yaml.j2"]


@pytest.mark.parametrize("title", TITLES)
def test_a_hostile_title_changes_nothing_but_the_title(template: str, title: str) -> None:
    """Only the text of @batty_title may differ from what a harmless title gives."""
    harmless = yaml.safe_load(workspace(template, "repo", [window("Title")], HOME))
    data = yaml.safe_load(workspace(template, "repo", [window(title)], HOME))
    shown = data["windows"][1]["options"].pop("@batty_title")
    harmless["windows"][1]["options"].pop("@batty_title")
    assert data == harmless
    assert "\n" not in shown
    assert len(shown) <= 120


@pytest.mark.parametrize("word", [text.replace("\0", "") for text in TITLES])
def test_a_hostile_argument_stays_one_word(template: str, word: str) -> None:
    """The command of a pane splits, as a shell would, into the very words that were given."""
    panes = parse(workspace(template, "repo", [window(word=word)])).windows[0].panes
    assert shlex.split(panes[0].shell or "") == ["exec", "agent", "--task", word]
    assert shlex.split(panes[1].shell or "") == ["exec", "batty", "supervise", "phase-1"]


@given(st.text())
def test_quoted_text_comes_back_from_yaml_and_json(text: str) -> None:
    """Any text but NUL survives the file."""
    kept = text.replace("\0", "")
    assert yaml.safe_load(f"- {to_yaml(text)}") == [kept]
    assert json.loads(to_yaml(text)) == kept
    assert "\n" not in to_yaml(text)


def test_bytes_that_are_not_utf8_survive() -> None:
    """A path may hold any byte; Python escapes them as surrogates, and the file keeps these."""
    path = os.fsdecode(b"/tmp/\xff\xfe")
    assert yaml.safe_load(to_yaml(path)) == path


@given(st.text(alphabet="#$;~.-{}() HOMEx\n\\\"'é%"))
def test_a_title_is_inert_for_tmuxp_and_tmux(text: str) -> None:
    """Nothing is left in a title that tmuxp or tmux would expand or cut."""
    shown = tmuxp_text(text)
    os.environ.setdefault("HOMEx", "/elsewhere")
    assert expandshell(shown) == shown
    assert not shown.startswith((".", "-", "~"))
    assert not shown.endswith(";")
    assert "#" not in shown


@given(st.text(alphabet="#$;~{[}HOME/ab \\"))
def test_a_directory_holds_nothing_that_tmuxp_expands(text: str) -> None:
    """No `$NAME` of a path is left to tmuxp, no single `#` but batty's own to tmux, and no `;` at the end."""
    written = tmuxp_directory("/" + text)
    assert expandshell(written) == written
    assert not written.endswith(";")
    expanded = re.sub(r"#+(?=\[)|##|#\{l:.\}", _as_tmux, written)
    assert expanded == "/" + text


def _as_tmux(found: re.Match[str]) -> str:
    """Expand what a directory is written with, as tmux 3.3a was seen to."""
    if found[0].startswith("#{l:"):
        return found[0][4]
    return "#" if found[0] == "##" and found.string[found.end() : found.end() + 1] != "[" else found[0]


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_packed_path_is_plain(folder: str) -> None:
    """An option's path has no character that tmux, tmuxp or a listing would interpret."""
    assert not set(packed_path("/" + folder)) & set("#$;\n\t'\"\\{}`")


def test_the_home_window_comes_first_and_only_when_given(template: str) -> None:
    """A session has one home window: an append leaves it out."""
    first = parse(workspace(template, "repo", [window()], HOME))
    later = parse(workspace(template, "repo", [window()]))
    assert [w.name for w in first.windows] == ["batty", "phase-1"]
    assert [w.name for w in later.windows] == ["phase-1"]
    assert first.windows[0].phase is None


def test_a_rendered_file_is_plain_tmuxp(template: str) -> None:
    """It names no builder, no plugin and no script, so that tmuxp alone loads it."""
    data = yaml.safe_load(workspace(template, "a.b:c", [window()], HOME))
    assert set(data) == {"session_name", "windows"}
    assert data["session_name"] == session_name("a.b:c") == "a_b-c"


def test_each_window_keeps_its_panes(template: str) -> None:
    """remain-on-exit is what makes an executor that ended visible, and its exit status readable."""
    options = dict(parse(workspace(template, "repo", [window()])).windows[0].options)
    assert options["remain-on-exit"] == "on"
    assert options["@batty_phase"] == "phase-1"
    assert {"@batty_state", "@batty_task", "@batty_progress", "@batty_says", "@batty_run"} <= set(options)


@pytest.mark.parametrize("name", LAYOUTS)
def test_named_layouts_are_taken(name: str) -> None:
    """Every supported tmux knows these five."""
    assert check_layout(name) is None


def test_a_custom_layout_needs_its_checksum() -> None:
    """A layout as tmux prints it is taken, one with a changed digit is not."""
    assert check_layout("b25d,80x24,0,0,0") is None
    problem = check_layout("b25d,80x24,0,0,1")
    assert problem is not None
    assert "checksum" in problem


@pytest.mark.parametrize("name", ["", "no-such-layout", "main-horizontal-mirrored", "tiled ", "b25d", "zzzz,1x1,0,0"])
def test_other_layouts_are_refused(name: str) -> None:
    """An unknown name would end a tmux 3.3a server, with every session of the user."""
    assert check_layout(name) is not None
    with pytest.raises(BattyError) as caught:
        parse(f"session_name: s\nwindows:\n- window_name: w\n  layout: {to_yaml(name)}\n")
    assert caught.value.code == "layout-invalid"
    assert "window 1" in caught.value.evidence[0]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("windows: [", "line 1"),
        ("- a", "the file"),
        ("session_name: s", "`windows`"),
        ("session_name: s\nwindows: []", "`windows`"),
        ("session_name: 5\nwindows: [{window_name: w}]", "`session_name`"),
        ("session_name: s\nwindows: [{}]", "`window_name`"),
        ("session_name: s\nwindows: [{window_name: w, panes: {}}]", "`panes`"),
        ("session_name: s\nwindows: [{window_name: w, options: {a: [1]}}]", "option a"),
        ("session_name: s\nwindows: [{window_name: w}]\nbefore_script: ./x", "`before_script`"),
        ("session_name: s\nwindows: [{window_name: w}]\nplugins: [x]", "`plugins`"),
    ],
)
def test_a_wrong_workspace_is_refused_by_name(text: str, names: str) -> None:
    """The refusal says which part of the user's template is at fault."""
    with pytest.raises(BattyError) as caught:
        parse(text)
    assert names in caught.value.evidence[0]


def test_typed_panes_are_read() -> None:
    """All of tmuxp's ways to write a pane that types are understood."""
    panes = "[null, ls, [a, b], {shell_command: c}, {shell_command: [{cmd: d}]}, {shell: e}]"
    parsed = parse(f"session_name: s\nwindows: [{{window_name: w, panes: {panes}}}]")
    assert [pane.typed for pane in parsed.windows[0].panes] == [(), ("ls",), ("a", "b"), ("c",), ("d",), ()]
    assert parsed.windows[0].panes[-1].shell == "e"


@pytest.mark.parametrize(
    ("template_text", "says"),
    [
        ("session_name: {{ sesion | tojson }}", "sesion"),
        ("session_name: {{ session }}", "tojson"),
        ("a: {{ windows[0].title }}", "tojson"),
        ("{% for x in %}", "line 1"),
        ("{{ ''.__class__.__mro__ | tojson }}", "__class__"),
        ("{{ windows.append(1) | tojson }}", "append"),
        ("{% include '/etc/passwd' %}", "loader"),
    ],
)
def test_a_careless_or_hostile_template_is_refused(template_text: str, says: str) -> None:
    """A typo, a value without quotes, and an attempt to leave the sandbox all end in one refusal."""
    with pytest.raises(BattyError) as caught:
        workspace(template_text, "repo", [window()])
    assert caught.value.code == "layout-template"
    assert says in caught.value.evidence[0]


def test_a_phase_without_a_window_is_noticed() -> None:
    """A user's template may forget a phase; the caller can ask which."""
    windows = [window(phase="phase-1"), window(phase="phase-2")]
    only_first = workspace(LAYOUT_FILES[0].read_text(), "repo", windows[:1])
    assert missing(parse(only_first), windows) == ("phase-2",)


def test_a_pane_runs_the_program_itself() -> None:
    """Without exec some shells stay above the program, and the pane's pid is then not the agent's."""
    assert shell_line(("a b", "c;")) == "exec 'a b' 'c;'"
