"""The journal survives being torn, damaged and written by many at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from batty_tmux.host.journal import Journal

WRITER = """
import sys
from pathlib import Path
from batty_tmux.host.journal import Journal
journal = Journal(Path(sys.argv[1]))
sys.stdin.readline()
for n in range(int(sys.argv[3])):
    journal.append([{"writer": sys.argv[2], "n": n, "pad": "x" * (n * 37 % 3000)}, {"writer": sys.argv[2], "n": -n}])
"""


def journal(folder: Path) -> Journal:
    return Journal(folder / "journal.jsonl")


def numbers(made: Journal) -> list[int]:
    return [json.loads(line)["seq"] for line in made.read()[0]]


def test_records_are_numbered_and_dated(tmp_path: Path) -> None:
    """RFC 3339 in UTC; numbers go on over calls; what was written is returned."""
    made = journal(tmp_path)
    first = made.append([{"a": 1}, {"a": 2}])
    second = made.append([{"a": 3}])
    lines = [json.loads(line) for line in made.read()[0]]
    assert lines == [*first, *second]
    assert [line["seq"] for line in lines] == [1, 2, 3]
    assert all(str(line["at"]).endswith("Z") and len(str(line["at"])) == 24 for line in lines)


def test_a_reader_goes_on_from_where_it_was(tmp_path: Path) -> None:
    """From a byte offset, and gets nothing twice."""
    made = journal(tmp_path)
    assert made.read() == ([], 0)
    made.append([{"a": 1}])
    _, offset = made.read()
    assert made.read(offset) == ([], offset)
    made.append([{"a": 2}])
    lines, end = made.read(offset)
    assert [json.loads(line)["a"] for line in lines] == [2]
    assert end == made.path.stat().st_size


def test_a_torn_last_line_is_not_seen_and_cut_by_the_next_writer(tmp_path: Path) -> None:
    """At every byte at which a writer may have been killed."""
    whole = journal(tmp_path / "whole")
    whole.append([{"text": "one"}])
    kept = whole.path.read_bytes()
    whole.append([{"text": "zwei \N{SNOWMAN}"}])
    both = whole.path.read_bytes()
    torn = journal(tmp_path / "torn")
    torn.path.parent.mkdir()
    for size in range(len(kept), len(both)):
        torn.path.write_bytes(both[:size])
        lines, offset = torn.read()
        assert (b"".join(line + b"\n" for line in lines), offset) == (kept, len(kept))
        torn.append([{"text": "three"}])
        assert torn.path.read_bytes().startswith(kept)
        assert [json.loads(line)["text"] for line in torn.read(offset)[0]] == ["three"]
        assert numbers(torn) == [1, 2]


def test_a_first_line_that_was_torn_leaves_an_empty_journal(tmp_path: Path) -> None:
    """There is nothing before it to go on from."""
    made = journal(tmp_path)
    made.append([{"a": 1}])
    made.path.write_bytes(made.path.read_bytes()[:-1])
    assert made.read() == ([], 0)
    made.append([{"a": 2}])
    assert numbers(made) == [1]


@pytest.mark.parametrize("size", [10, 70_000, 400_000])
def test_the_last_number_is_found_behind_lines_of_any_length(tmp_path: Path, size: int) -> None:
    """Also where the end of the file is looked at in pieces."""
    made = journal(tmp_path)
    made.append([{"a": "x" * size}, {"a": "y" * size}])
    made.append([{"a": 1}])
    made.append([{"a": "z" * size}])
    with made.path.open("ab") as file:
        file.write(b'{"torn":"' + b"t" * size)
    made.append([{"a": 2}])
    assert numbers(made) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    "damage", [b"\n", b"\x00\x00\n", b"{}\n", b"3\n", b'{"seq":"x"}\n', b"\xff\xfe\n" * 3, b"{\n" * 40_000]
)
def test_a_damaged_last_line_does_not_stop_the_next_writer(tmp_path: Path, damage: bytes) -> None:
    """It is left where it is, and no number before it is given again."""
    made = journal(tmp_path)
    made.append([{"a": 1}, {"a": 2}])
    before = made.path.read_bytes()
    made.path.write_bytes(before + damage)
    (written,) = made.append([{"a": 3}])
    assert made.path.read_bytes().startswith(before + damage)
    assert int(str(written["seq"])) > 2
    assert made.append([{"a": 4}])[0]["seq"] == int(str(written["seq"])) + 1


def test_a_journal_of_damage_alone_can_be_written(tmp_path: Path) -> None:
    """There is no number to go on from."""
    made = journal(tmp_path)
    made.path.write_bytes(b"rubbish\nmore\n")
    made.append([{"a": 1}])
    assert len(made.read()[0]) == 3


def test_a_line_break_in_a_text_does_not_break_the_line(tmp_path: Path) -> None:
    """Of whatever kind."""
    made = journal(tmp_path)
    text = "a\nb\r\nc\rd\x85e\u2028f\x0bg\x0ch\x1ci"
    made.append([{"text": text}])
    (line,) = made.read()[0]
    assert json.loads(line)["text"] == text


def test_writers_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    """Eight processes: every record once, numbers without gap in the order of the file, pairs kept together."""
    count = 12
    made = journal(tmp_path)
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(made.path), str(n), str(count)], stdin=subprocess.PIPE)
        for n in range(8)
    ]
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(b"go\n")
        writer.stdin.close()
    assert [writer.wait(timeout=60) for writer in writers] == [0] * 8
    lines = [json.loads(line) for line in made.read()[0]]
    assert [line["seq"] for line in lines] == list(range(1, 8 * count * 2 + 1))
    assert {(line["writer"], line["n"]) for line in lines} >= {(str(w), n) for w in range(8) for n in range(count)}
    assert all((a["writer"], a["n"]) == (b["writer"], -b["n"]) for a, b in zip(lines[::2], lines[1::2], strict=True))
