"""Events to lines and back: nothing is lost, and what cannot be read is counted and stops nothing."""

import json
from pathlib import Path

import pytest

from batty_tmux.core import merge_queue, supervise
from batty_tmux.core.events import AnyEvent, PhaseHeld, QueuePaused, Skipped
from batty_tmux.drive.records import Records, decode, encode
from batty_tmux.names import PhaseId
from tests.support.hostile import TITLES
from tests.support.journaled import TYPES, one_of_each


def skipped(name: str) -> Skipped:
    return Skipped(phase=PhaseId(name))


def phases(records: Records) -> list[str]:
    return [getattr(event, "phase", "") for event in records.events]


def own_fields(event: AnyEvent) -> dict[str, object]:
    return encode(event)


def test_folds_go_on_from_where_they_were(tmp_path: Path) -> None:
    """Rule: a watch and the queue, asked after every event, are what a fold of all events from the start gives."""
    records = Records.at(tmp_path)
    phase = PhaseId("phase-1")
    for event in (*one_of_each("text"), skipped("phase-2"), *one_of_each("more")):
        records.append(event)
        assert records.watch(phase) == supervise.fold(phase, records.events)
        assert records.queue() == merge_queue.fold(records.events)
    assert records.watch(PhaseId("nobody")) == supervise.Watch(PhaseId("nobody"))


@pytest.mark.parametrize("text", TITLES)
def test_every_kind_of_event_is_read_back_as_it_was_written(tmp_path: Path, text: str) -> None:
    """With the `at` and `seq` that the journal gave it."""
    events = one_of_each(text)
    written = Records.at(tmp_path)
    written.append(*events)
    read = Records.at(tmp_path)
    assert read.events == written.events
    assert [own_fields(event) for event in read.events] == [own_fields(event) for event in events]
    assert [type(event) for event in read.events] == list(TYPES)
    assert [event.seq for event in read.events] == list(range(1, len(TYPES) + 1))
    assert read.unreadable == 0


def test_each_kind_has_a_name_of_its_own() -> None:
    """In the past tense or the present, with hyphens; programs match on it."""
    names = [str(encode(event)["event"]) for event in one_of_each("x")]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").islower() for name in names)


def test_a_path_that_is_no_text_is_written_in_words(tmp_path: Path) -> None:
    """Bytes that are not UTF-8 come as surrogates, which readers of JSON refuse."""
    records = Records.at(tmp_path)
    (event,) = records.append(
        PhaseHeld(phase=PhaseId("p"), state="held", code="c", reason="a\udcffb", evidence=("\ud800",))
    )
    assert isinstance(event, PhaseHeld)
    assert event.reason == r"a\xffb"
    assert json.loads((tmp_path / "journal.jsonl").read_bytes())["reason"] == r"a\xffb"


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b'{"event":"from-a-newer-batty","seq":2}',
        b'{"event":"skipped","seq":2}',
        b'{"event":"skipped","phase":3,"seq":2}',
        b'{"event":"reviewed","phase":"p","verdict":"maybe","by":"human","head":"h","seq":2}',
        b'{"event":"skipped","phase":"\xff","seq":2}',
        b"\x00" * 40,
        b"[" * 100_000,
        b'{"event":"skipped","phase":"p","at":"yesterday","seq":2}',
    ],
)
def test_a_damaged_line_is_counted_and_the_rest_is_read(tmp_path: Path, damage: bytes) -> None:
    """In the middle, and as the last one, after which the next is written with a higher number."""
    path = tmp_path / "journal.jsonl"
    Records.at(tmp_path).append(skipped("a"))
    with path.open("ab") as file:
        file.write(damage + b"\n")
    records = Records.at(tmp_path)
    assert (phases(records), records.unreadable) == (["a"], 1)
    records.append(skipped("b"))
    assert (phases(records), records.unreadable) == (["a", "b"], 1)
    again = Records.at(tmp_path)
    assert (phases(again), again.unreadable) == (["a", "b"], 1)
    numbers = [event.seq for event in again.events]
    assert numbers == sorted(set(numbers))


def test_what_a_newer_batty_adds_to_an_event_is_passed_over() -> None:
    """Adding a field is not a change of the contract."""
    assert decode(b'{"event":"skipped","phase":"p","since_then":[1]}') == skipped("p")


def test_each_reader_sees_each_event_once_and_others_too(tmp_path: Path) -> None:
    """`refresh` returns only what is new, `append` also what others wrote in between."""
    mine, other = Records.at(tmp_path), Records.at(tmp_path)
    other.append(skipped("a"))
    assert [getattr(e, "phase", "") for e in mine.append(skipped("b"))] == ["a", "b"]
    assert mine.refresh() == []
    assert phases(other) == ["a"]
    other.refresh()
    assert other.events == mine.events


def test_there_need_be_no_journal(tmp_path: Path) -> None:
    """Before the first event there is none, and looking makes none."""
    records = Records.at(tmp_path / "batty")
    assert (records.events, records.refresh()) == ([], [])
    assert not (tmp_path / "batty" / "journal.jsonl").exists()
    records.append(QueuePaused(reason="r"))
    assert len(records.events) == 1
