"""The names of failed tests, as the common runners print them. A flake is reported with them; nothing decides by them.

Every format here was seen from the runner itself or in a log that its project's own tracker shows; the fixtures in
the tests say which. What matches nothing has no names, which is the honest answer for a runner nobody knows.
"""

import re
import unicodedata
from bisect import insort
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

LOOKED_AT = 1 << 20
"""Characters at the end of a log that are searched: runners summarize last, and a log has no bound."""
MOST = 20
LONGEST = 200
"""At most so many names, of at most so many characters each."""
_WIDEST = 2000
"""Characters of a line that are looked at, so that no line can make a search slow."""

ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b\n]*(?:\x07|\x1b\\)?|[ -/]*[0-Z\\^-~])")
"""One escape sequence of a terminal, whole or cut off at the end of its line."""
_LINE = re.compile(r"\r\n?|\n")
_DIRECTIVE = re.compile(r"(?<!\\) # ?(.*)$|(?<!\\)#\s*(?:todo|skip)\b.*$", re.IGNORECASE)


def failed_tests(log: str) -> tuple[str, ...]:
    """Return the names of the tests that failed, in the order of the log, each once; see the limits above.

    Names come without escape sequences, control and format characters, but are as hostile as the branch that
    made them: where one is shown, `names.clean` is still due. Time is linear in the part that is looked at.
    """
    lines = [line[:_WIDEST] for line in _LINE.split(ESCAPE.sub("", log[-LOOKED_AT:]))]
    found: list[tuple[int, str]] = []
    for reader in (_plain, _sections, _mocha):
        for number, name in reader(lines):
            insort(found, (number, name), key=lambda each: each[0])
    # nextest names the binary too, and prints libtest's own output, which does not
    again = {match[1].partition(" ")[2] for line in lines if (match := _NEXTEST.match(line))}
    return _distinct(_visible(name) for _, name in found if name not in again)


def last_words(rows: Iterable[str], most: int = 12) -> tuple[str, ...]:
    """Return the last rows of a log that hold words, without what a terminal would obey, or draws over itself."""
    last = (_visible(ESCAPE.sub("", row).rstrip("\r").rpartition("\r")[2])[:LONGEST].rstrip() for row in rows)
    return tuple(row for row in last if row)[-most:]


def _distinct(names: Iterable[str]) -> tuple[str, ...]:
    kept: dict[str, None] = {}
    for name in names:
        if len(kept) == MOST:
            break
        if name:
            kept[name] = None
    return tuple(kept)


def _visible(name: str) -> str:
    shown = "".join(c for c in " ".join(name.split()) if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    return shown.strip()[:LONGEST]


# --- names in the text that a runner puts around them


def _as_it_is(text: str, _opening: str) -> str:
    return text


def _pytest_node(text: str, _opening: str) -> str:
    """Cut the reason off: at the first " - " that is not inside the brackets of a parameter."""
    depth = 0
    parts = text.split(" - ")
    for count, part in enumerate(parts, 1):
        depth += part.count("[") - part.count("]")
        if depth == 0:
            return " - ".join(parts[:count])
    return parts[0]


def _tap(text: str, _opening: str) -> str:
    """A failure that is marked as still to be done is expected; an escaped # belongs to the name."""
    directive = _DIRECTIVE.search(text)
    if directive and "todo" in directive.group().lower().split("#", 1)[1][:6]:
        return ""
    plain = text[: directive.start()] if directive else text
    return plain.replace("\\#", "#")


def _jest(text: str, opening: str) -> str:
    """What is no test is named by the file, and what was only printed is no failure."""
    if text == "Test suite failed to run":
        return opening
    return "" if text == "Console" else text


def _swift(text: str, _opening: str) -> str:
    return text.removeprefix("-[").removesuffix("]").strip('"')


def _cargo(text: str, _opening: str) -> str:
    return text.removesuffix(" - should panic")


def _ava(text: str, _opening: str) -> str:
    return text.removesuffix(" Error thrown in test")


def _maven(text: str, _opening: str) -> str:
    return "" if text.startswith("Tests run:") else text


Tidy = Callable[[str, str], str]

# --- lines that say by themselves that a test failed

_NEXTEST = re.compile(r" +(?:FAIL|TIMEOUT|SIG[A-Z]+) \[[ >]*[\d.]+s\] (?:\([ \d/]+\) )?(\S+ .+)$")

_PLAIN: tuple[tuple[re.Pattern[str], Tidy], ...] = (
    # pytest -v, and with xdist
    (re.compile(r"(\S+\.py::.+) (?:FAILED|ERROR) +\[ *\d+%\]$"), _as_it_is),
    (re.compile(r"\[gw\d+\] \[ *\d+%\] (?:FAILED|ERROR) (.+)$"), _as_it_is),
    # go test, and with -json
    (re.compile(r" *--- FAIL: (\S+) \(\d"), _as_it_is),
    (re.compile(r'\{"Time":"[^"]*","Action":"fail","Package":"[^"]*","Test":"([^"]*)"'), _as_it_is),
    # cargo test, cargo nextest
    (re.compile(r"test (.+) \.\.\. FAILED$"), _cargo),
    (_NEXTEST, _as_it_is),
    # vitest
    (re.compile(r" FAIL  (\S.*?)(?: \[ .* \])?$"), _as_it_is),
    # TAP: node --test, bats, prove -v, ava --tap
    (re.compile(r" *not ok \d+(?: -)?(?: (.*))?$"), _tap),
    # ava
    (re.compile(r" +✘ \[fail\]: (.+)$"), _ava),
    # maven's surefire, before and after 3.0
    (re.compile(r"(?:\[ERROR\] )?(\S.*?)(?: --)? +Time elapsed: [\d.,]+ s(?:ec)? +<<< (?:FAILURE|ERROR)!"), _maven),
    # gradle
    (re.compile(r"([^\s>].* > .+) FAILED$"), _as_it_is),
    # dotnet test
    (re.compile(r" +Failed (.+) \[(?:< )?\d+ (?:ms|s|m|h)\b[^\]]*\]$"), _as_it_is),
    # XCTest, Swift Testing
    (re.compile(r"Test Case '(.+)' failed \(\d"), _swift),
    (re.compile(r"\S+ +Test (?!run with |case )(.+) failed after \d"), _swift),
)


_HINT = re.compile("FAIL|[Ff]ail|not ok|ERROR|TIMEOUT|SIG[A-Z]")
"""In every line that one of these can match: looking for it first is much cheaper than trying them all."""


def _plain(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(lines):
        if not _HINT.search(line):
            continue
        for pattern, tidy in _PLAIN:
            match = pattern.match(line)
            if match:
                yield number, tidy(match[1] or "", "")
                break


# --- lines that say so below a heading


@dataclass(frozen=True)
class _Section:
    """`opens` is the heading; `member` a line below it; `closes` a line that ends it, if it is no member."""

    opens: re.Pattern[str]
    member: re.Pattern[str]
    closes: re.Pattern[str] | None
    tidy: Tidy


_ANY = re.compile("")
_SECTIONS = (
    # pytest's short summary; a reason can have several lines, and with CI set they are not cut
    _Section(
        re.compile(r"=+ short test summary info =+$"),
        re.compile(r"(?:FAILED|ERROR) (\S.*)$"),
        re.compile(r"=+ .* =+$|\d+ (?:failed|passed|errors?)\b"),
        _pytest_node,
    ),
    # unittest, nose2
    _Section(re.compile(r"={70}$"), re.compile(r"(?:FAIL|ERROR|UNEXPECTED SUCCESS): (.+)$"), _ANY, _as_it_is),
    # cargo test -q
    _Section(re.compile(r"failures:$"), re.compile(r"    (\S.*)$"), _ANY, _cargo),
    # node --test
    _Section(re.compile(r"✖ failing tests:$"), re.compile(r"✖ (.+) \([\d.]+ms\)$"), None, _as_it_is),
    # jest
    _Section(re.compile(r"FAIL (?:.* )?(\S+\.\w+)(?: \([\d.]+ m?s\))?$"), re.compile(r"  ● (.+)$"), None, _jest),
    # ctest
    _Section(
        re.compile(r"The following tests FAILED:$"), re.compile(r"\s+\d+ - (.+?) \([A-Za-z_ ]+\)"), _ANY, _as_it_is
    ),
    # rspec
    _Section(re.compile(r"\s*Failed examples:$"), re.compile(r"\s*rspec (\S.*)$"), re.compile(r"(?=.*\S)"), _as_it_is),
    # PHPUnit, which lists risky tests and warnings in the same way
    _Section(
        re.compile(r"There (?:was|were) \d+ (?:failure|error)s?:$"),
        re.compile(r"\d+\) (\S+::.+)$"),
        re.compile(r"There (?:was|were) \d+ |(?:FAILURES|ERRORS)!$"),
        _as_it_is,
    ),
)


def _sections(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    section: _Section | None = None
    opening = ""
    for number, line in enumerate(lines):
        member = section.member.match(line) if section else None
        if section and member:
            yield number, section.tidy(member[1], opening)
            continue
        if section and section.closes and section.closes.match(line):
            section = None
        if not line.endswith((":", "=")) and not line.startswith("FAIL "):
            # no heading begins or ends otherwise
            continue
        for other in _SECTIONS:
            heading = other.opens.match(line)
            if heading:
                section, opening = other, heading[1] if other.opens.groups else ""
                break


# --- mocha, whose names go over several lines

_FAILING = re.compile(r"\s+\d+ failing$")
_TITLE = re.compile(r"  (?: |\d)*\d+\) (.*)$")
_DEEPEST = 20


def _mocha(lines: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Below "N failing" each name is numbered and has one line per level; the last ends with a colon."""
    inside, parts, begun = False, list[str](), 0
    for number, line in enumerate(lines):
        inside = inside or _FAILING.match(line) is not None
        title = _TITLE.match(line) if inside else None
        if title:
            parts, begun = [title[1]], number
        elif parts and line.startswith("       "):
            parts.append(line.strip())
        elif parts:
            parts = []
        if parts and parts[-1].endswith(":"):
            yield begun, " ".join(parts)[:-1]
            parts = []
        if len(parts) > _DEEPEST:
            parts = []
