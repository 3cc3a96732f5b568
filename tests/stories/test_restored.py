"""Beside tmux-resurrect: what it restores of batty's windows is neither taken for them nor left beside them.

What it does was read in its scripts and seen with it running: sessions and windows with the same names, places,
layouts and pane titles, a shell in each pane, and no option of anybody's.
"""

from dataclasses import dataclass
from pathlib import Path

from tests.support.server import eventually
from tests.support.story import Story

_SAVED = "#{session_name}\t#{window_index}\t#{window_name}\t#{window_layout}\t#{pane_index}\t#{pane_title}"


@dataclass(frozen=True)
class Pane:
    session: str
    place: str
    name: str
    layout: str
    pane: str
    title: str


def save(story: Story) -> list[Pane]:
    return [Pane(*row.split("\t")) for row in story.tmux("list-panes", "-a", "-F", _SAVED).splitlines()]


def restore(story: Story, saved: list[Pane]) -> None:
    """Do what tmux-resurrect's restore.sh does, in its order; a pane that is there is left as it is."""
    for pane in saved:
        window = f"{pane.session}:{pane.place}"
        if f"{window}.{pane.pane}" in listed(story, "#{session_name}:#{window_index}.#{pane_index}"):
            pass
        elif window in listed(story, "#{session_name}:#{window_index}"):
            story.tmux("split-window", "-t", window)
        elif pane.session in listed(story, "#{session_name}"):
            story.tmux("new-window", "-d", "-t", window)
        else:
            story.tmux("new-session", "-d", "-s", pane.session)
        story.tmux("select-pane", "-t", f"{window}.{pane.pane}", "-T", pane.title)
    for pane in saved:
        window = f"{pane.session}:{pane.place}"
        story.tmux("select-layout", "-t", window, pane.layout)
        story.tmux("rename-window", "-t", window, pane.name)
        story.tmux("set-option", "-t", window, "automatic-rename", "off")


def listed(story: Story, template: str) -> list[str]:
    return story.tmux("list-panes", "-a", "-F", template).splitlines()


def ended(story: Story) -> list[Pane]:
    """Have two phases at work and one in review, a window of the user's beside them; save, and end tmux."""
    for name in ("alpha", "beta"):
        story.phase(name)
    story.executor("alpha").waits().commits("a.txt", "text")
    story.executor("beta").commits("b.txt", "text")
    story.review("human")
    story.batty("work", "all", "--parallel", "2")
    story.until_waiting("alpha")
    story.until_state(beta="reviewing")
    story.tmux("new-window", "-d", "-n", "mine", "-t", "shop:")
    saved = save(story)
    story.kill_tmux()
    return saved


def windows(story: Story) -> list[tuple[str, str]]:
    return [
        (name, phase)
        for name, _, phase in (
            row.partition(" ")
            for row in story.tmux("list-windows", "-a", "-F", "#{window_name} #{@batty_phase}").splitlines()
        )
    ]


OURS = [("batty", ""), ("alpha", "alpha"), ("beta", "beta"), ("mine", "")]


def test_restored_windows_give_their_places_to_ours(story: Story) -> None:
    """Rule: same session, same places, the user's window untouched; restored shells are closed, and that is said."""
    saved = ended(story)
    restore(story, saved)
    story.tmux("select-window", "-t", "shop:mine")
    mine = story.tmux("display-message", "-p", "-t", "shop:mine", "#{window_id} #{pane_pid}")
    assert windows(story) == [(name, "") for name, _ in OURS]
    seen = story.status()
    assert (seen.states["alpha"], seen.of("alpha")["next"]) == ("stuck", "batty resume")
    resumed = story.batty("resume")
    assert resumed.exit == 0, resumed
    assert "! closed batty, alpha and beta: restored without what ran there" in resumed.err
    assert windows(story) == OURS
    assert listed(story, "#{session_name}")[0] == "shop"
    assert story.tmux("display-message", "-p", "-t", "shop:", "#{window_id} #{pane_pid}") == mine
    assert story.tmux("show-options", "-v", "-t", "shop:", "@batty_session_repo")
    story.until_waiting("alpha", times=2)
    assert windows(story) == OURS
    assert "opened nothing" in story.batty("resume").err


def test_what_is_restored_after_the_resume_is_closed_by_the_next(story: Story) -> None:
    """Rule: a restore that comes late adds dead windows beside ours; none is taken for ours, all are closed."""
    saved = ended(story)
    story.batty("resume")
    story.until_waiting("alpha", times=2)
    # a base-index of another time: the places are free
    late = [Pane(p.session, str(int(p.place) + 20), p.name, p.layout, p.pane, p.title) for p in saved]
    restore(story, late)
    assert [name for name, _ in windows(story)].count("alpha") == 2
    said = story.batty("resume")
    assert "closed batty, alpha and beta" in said.err
    assert sorted(windows(story)) == sorted(OURS)
    assert len(story.starts("alpha")) == 2


def test_a_restored_window_in_which_something_runs_is_left_and_named(story: Story) -> None:
    """Rule: somebody's restored program may be an agent in the same worktree: neither killed nor joined by a second."""
    saved = ended(story)
    restore(story, saved)
    here = Path(story.short) / "here"
    story.tmux("send-keys", "-t", "shop:alpha.0", f"sh -c 'echo >{here}; exec cat'", "Enter")
    eventually(here.exists, "the program")
    window = story.tmux("display-message", "-p", "-t", "shop:alpha", "#{window_id}")
    said = story.batty("resume")
    assert said.exit == 1, said
    assert f"alpha was not brought back: cat runs in the window alpha ({window})" in said.err
    assert len(story.starts("alpha")) == 1
    assert ("beta", "beta") in windows(story)
    story.tmux("kill-window", "-t", window)
    assert story.batty("resume").exit == 0
    story.until_waiting("alpha", times=2)


def test_a_window_of_the_users_that_only_looks_like_ours_stays(story: Story) -> None:
    """Rule: a name proves nothing: without the title that batty wrote, a window is the user's."""
    saved = ended(story)
    restore(story, [Pane(p.session, p.place, p.name, p.layout, p.pane, "vm") for p in saved])
    said = story.batty("resume")
    assert "closed" not in said.err
    names = [name for name, _ in windows(story)]
    assert (names.count("alpha"), names.count("beta")) == (2, 2)
    assert ("alpha", "alpha") in windows(story)


def test_a_session_with_another_repositorys_windows_is_not_taken(story: Story) -> None:
    """Rule: two repositories of one name: each finds its own restored session, by what is in it."""
    saved = ended(story)
    restore(story, [Pane("shop", p.place, p.name, p.layout, p.pane, foreign(p.title)) for p in saved])
    restore(story, [Pane("shop-2", p.place, p.name, p.layout, p.pane, p.title) for p in saved])
    assert story.batty("resume").exit == 0
    rows = story.tmux("list-windows", "-a", "-F", "#{session_name} #{window_name} #{@batty_phase}").splitlines()
    assert {row for row in rows if row.split()[2:]} == {"shop-2 alpha alpha", "shop-2 beta beta"}


def foreign(title: str) -> str:
    """Return the title as another repository's batty would have written it."""
    return f"{title[:-1]}{'0' if title[-1] != '0' else '1'}" if title.startswith("batty ") else title
