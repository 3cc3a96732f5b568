"""Keeps secrets out of what is written: each value is replaced by a mark that says what stood there.

By shapes (`secret_shapes`), by the names that values are given, and by how random a run next to a telling word is.
Commit and tree ids, digests, UUIDs and paths are no secrets and stay. Every pattern is bounded and every step goes on
where the last one ended, so that the work is linear in the text; existing marks are never looked into, so that
a second time changes nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from batty_tmux.core.secret_places import assigned, placed
from batty_tmux.core.secret_shapes import ANY, SHAPES, WORD, Shape, Span, drawn_tail, looks_drawn, mixed, scattered
from batty_tmux.core.secret_values import AWS_SECRET, is_harmless

_MARK = re.compile(r"\[redacted:[a-z0-9-]{1,40}\]")
_COLOUR = re.compile(r"\x1b\[[0-9;:]{0,32}[A-Za-z]")
_SCREEN: Final = 60
"""Columns below which nobody's screen breaks a token."""


def redact(text: str, above: str = "") -> str:
    """Return the text with each secret's value replaced by a mark such as `[redacted:aws-key]`.

    What stands right above it may tell what it holds, as in a .netrc with a row for each word, and is not returned.
    """
    plain, border = _plain(above + text), len(above)
    spans = [span for rule in _RULES for span in rule(plain) if span.end > border]
    return marked(text, [Span(max(0, span.start - border), span.end - border, span.mark) for span in spans])


def _plain(text: str) -> str:
    """Return a text of the same length in which marks and colours are no letters.

    A mark tells of a password or a token, and is none; a colour's last letter is no part of the word behind it.
    """
    if "[redacted:" in text:
        text = _MARK.sub(lambda mark: "\1" * len(mark[0]), text)
    return _COLOUR.sub(lambda code: "\0" * len(code[0]), text) if "\x1b[" in text else text


def marked(text: str, spans: Iterable[Span]) -> str:
    """Return the text with these values replaced by marks; where they overlap, by one. Marks of before stay whole."""
    parts: list[str] = []
    at = 0
    for span in _apart(text, spans):
        parts += (text[at : span.start], f"[redacted:{span.mark}]" if span.mark else text[span.start : span.end])
        at = span.end
    return "".join((*parts, text[at:]))


def _apart(text: str, spans: Iterable[Span]) -> list[Span]:
    """Return the spans in their order, none overlapping another; those without a mark are marks of before."""
    before = [Span(match.start(), match.end(), "") for match in _MARK.finditer(text)]
    kept: list[Span] = []
    for span in sorted((*before, *spans), key=lambda span: (span.start, bool(span.mark), -span.end)):
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
        elif kept[-1].mark and span.mark and span.end > kept[-1].end:
            kept[-1] = Span(kept[-1].start, span.end, kept[-1].mark)
        elif kept[-1].mark and not span.mark:
            # a mark of before within a value: what stood before it goes, the mark stays
            kept[-1:] = [Span(kept[-1].start, span.start, kept[-1].mark), span]
    return kept


# --- shapes -------------------------------------------------------------------------------------------------

_STUCK = re.compile(rf"[{WORD}]*")
_WRAP = re.compile(r"[ \t]*[│┃|]?[ \t]*\r?\n[ \t]*[│┃|]?[ \t]{0,8}")


def _shapes(text: str) -> Iterator[Span]:
    screen = _Rows(text)
    for shape in SHAPES:
        if any(needle in text for needle in shape.needles):
            yield from _of_shape(text, shape, screen)


def _of_shape(text: str, shape: Shape, screen: "_Rows") -> Iterator[Span]:
    at = 0
    while (start := shape.start.search(text, at)) is not None:
        parts = _parts(text, shape, start, screen)
        if len(parts) > 1 and _is_longer(text, shape, start, parts):
            # the row below is of something else, and what stands on these is judged by itself
            parts.pop()
        at = max(parts[-1][1], start.end())
        length = _length(start, parts)
        longer = _is_longer(text, shape, start, parts)
        value = "".join(text[first:last] for first, last in parts)[start.end() - start.start() :]
        if shape.least <= length and not longer and (not shape.mixed or mixed(value)):
            # what is stuck to a token goes with it: beside a mark it might look like one of its own
            at = _STUCK.match(text, at).end()  # type: ignore[union-attr]
            parts[-1] = (parts[-1][0], at)
            yield from (Span(first, last, shape.mark) for first, last in parts)


def _length(start: re.Match[str], parts: list[tuple[int, int]]) -> int:
    return sum(last - first for first, last in parts) - (start.end() - start.start())


def _is_longer(text: str, shape: Shape, start: re.Match[str], parts: list[tuple[int, int]]) -> bool:
    """Tell whether a run goes on beyond what such a token may have: then it is none."""
    at = max(parts[-1][1], start.end())
    goes_on = _length(start, parts) == shape.most and _run(text, shape, at, 1) > at and text[at] != "."
    # beside a mark it was longer, before that was put there
    return goes_on or (shape.most < ANY and text[at : at + 1] == "\1")


def _parts(text: str, shape: Shape, start: re.Match[str], screen: "_Rows") -> list[tuple[int, int]]:
    """Return the places of one token: one a row, where a screen has broken it."""
    first, at = start.start(), start.end()
    end = _run(text, shape, at, shape.most)
    parts, length = [(first, end)], end - at
    while length < shape.most and (length < shape.least or screen.full(end)):
        wrap = _WRAP.match(text, end)
        if wrap is None:
            break
        at = wrap.end()
        end = _run(text, shape, at, shape.most - length)
        if end == at or (length >= shape.least and not drawn_tail(text[at:end])):
            break
        parts.append((at, end))
        length += end - at
    return _without_full_stop(text, parts)


def _run(text: str, shape: Shape, at: int, most: int) -> int:
    match = shape.run.match(text, at, min(len(text), at + most))
    return at if match is None else match.end()


def _without_full_stop(text: str, parts: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Leave the end of a sentence out of a token that stands there."""
    first, last = parts[-1]
    while last - 1 > first and text[last - 1] == ".":
        last -= 1
    return [*parts[:-1], (first, last)]


class _Rows:
    """The rows of a text as a screen shows them; measured only when somebody asks."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._widest = -1

    def full(self, end: int) -> bool:
        """Tell whether the row that goes on at `end` is as long as the longest: that is where a screen breaks."""
        if self._widest < 0:
            self._widest = max(_SCREEN, *(len(row.rstrip()) for row in self._text.split("\n")), 0)
        first = self._text.rfind("\n", max(0, end - self._widest - 1), end) + 1
        return end - first >= self._widest - 2


# --- private keys -------------------------------------------------------------------------------------------

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_HEADER = re.compile(r"[A-Za-z-]{4,20}: .{1,100}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_BROKEN = re.compile(r"(?:\\[rn]|[A-Za-z0-9+/=])+")
_LAST_OF_ROW = re.compile(r"[A-Za-z0-9+/=]{16,}$")
_LONG_ROW: Final = 80
_LONG_KEY: Final = 20_000
_FEW: Final = 16


def _private_keys(text: str) -> Iterator[Span]:
    if "PRIVATE KEY" not in text:
        return
    at = 0
    for begin in _BEGIN.finditer(text):
        if begin.start() >= at:
            end = _END.search(text, begin.end(), begin.end() + _LONG_KEY)
            at = _cut_key(text, begin.end()) if end is None else end.start()
            yield from _trimmed(text, begin.end(), at)
    for end in _END.finditer(text):
        if end.start() > at:
            yield from _trimmed(text, _key_above(text, end.start(), at), end.start())
            at = end.start()


def _trimmed(text: str, start: int, end: int) -> Iterator[Span]:
    while start < end and (text[start].isspace() or text.startswith("\\n", start)):
        start += 1 if text[start].isspace() else 2
    while end > start and (text[end - 1].isspace() or text.endswith("\\n", start, end)):
        end -= 1 if text[end - 1].isspace() else 2
    # with a mark in it, it was redacted before
    if start < end and "\1" not in text[start:end]:
        yield Span(start, end, "private-key")


def _is_key_row(row: str) -> bool:
    plain = row[:_LONG_KEY].replace("\\n", " ").strip(" \t│┃|>+-\"',\r\n")
    return _BASE64.fullmatch("".join(plain.split())) is not None or _HEADER.fullmatch(plain) is not None


def _cut_key(text: str, at: int) -> int:
    """Return where the rows of a key end whose last row is not here."""
    end = at
    while end < len(text) and end - at < _LONG_KEY:
        stop = text.find("\n", end) + 1 or len(text)
        row = text[end:stop]
        if row.strip() and not (_is_key_row(row) and (len(row.strip()) >= _FEW or drawn_tail(row.strip()))):
            broken = _BROKEN.match(text, end, stop)
            return broken.end() if broken and broken.end() - end >= _FEW else end
        end = stop
    return end


def _key_above(text: str, end: int, limit: int) -> int:
    """Return where the rows of a key begin whose first row is not here."""
    at = text.rfind("\n", limit, end) + 1 or limit
    start = at
    while start > limit and end - start < _LONG_KEY:
        above = text.rfind("\n", limit, start - 1) + 1 or limit
        row = text[above : start - 1]
        if len(row.strip()) < _FEW or not _is_key_row(row):
            broken = _LAST_OF_ROW.search(row[-_LONG_ROW:])
            return start if broken is None else start - 1 - len(broken[0])
        start = above
    return start


# --- a text that goes on ------------------------------------------------------------------------------------

_BEGUN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,60}-{0,5}\Z")
_LONGEST_BEGIN: Final = 80


def whole(text: str, most: int) -> int:
    """Return how many characters of a text that goes on can be redacted by themselves: whole rows, and whole keys.

    A row of more than `most` characters is cut between two words. A private key whose last row has not come is left
    for later, until there is so much of it that it cannot be one.
    """
    end = max(text.rfind("\n"), text.rfind("\r")) + 1
    if len(text) - end > most:
        end = text.rfind(" ", end) + 1 or len(text)
    return _before_open_key(text, end) if "-----BEGIN" in text else end


def _before_open_key(text: str, end: int) -> int:
    at = 0
    for begin in _BEGIN.finditer(text, 0, end):
        if begin.start() >= at:
            last = _END.search(text, begin.end(), min(end, begin.end() + _LONG_KEY))
            if last is None and end - begin.end() < _LONG_KEY:
                return begin.start()
            at = begin.end() if last is None else last.end()
    cut = _BEGUN.search(text, max(at, end - _LONGEST_BEGIN), end)
    return end if cut is None else cut.start()


# --- runs next to telling words -----------------------------------------------------------------------------

_NEAR = re.compile(
    r"(?<![A-Za-z])(?:secret|token|password|passwd|passphrase|credentials?|(?:api|access|private|secret)[ _-]?key"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z])",
    re.IGNORECASE,
)
_RUN = re.compile(r"(?<![A-Za-z0-9+/_.\x01-])[A-Za-z0-9+/_-]{20,512}={0,2}(?![A-Za-z0-9+/_=\x01-]|\.[A-Za-z0-9\x01])")
_TOLD = re.compile(
    r"(?:secret|token|password|api[ -]?key)[ \t]{1,2}(?:(?:is|was|as)[ \t]{1,2})?[\"'`]?([0-9a-f]{32,128})(?![0-9a-z])",
    re.IGNORECASE,
)


def _near(text: str) -> Iterator[Span]:
    if _NEAR.search(text) is None:
        return
    at = 0
    while (word := _NEAR.search(text, at)) is not None:
        first = text.rfind("\n", 0, word.start()) + 1
        at = text.find("\n", word.end()) + 1 or len(text)
        for match in _RUN.finditer(text, first, at):
            # beside an AWS id even what is least like one is its secret
            random = looks_drawn(match[0]) or (len(match[0]) == AWS_SECRET and word[0].isupper() and mixed(match[0]))
            if random and "---" not in match[0] and not is_harmless(match[0]):
                yield Span(*match.span(), "token")
    yield from (Span(*match.span(1), "token") for match in _TOLD.finditer(text))


_RULES: Final[tuple[Callable[[str], Iterator[Span]], ...]] = (_private_keys, _shapes, placed, assigned, _near)


# --- what is left -------------------------------------------------------------------------------------------

_LONG_PART: Final = 20
_SEPARATORS = re.compile(r"[/.-]")
_DOTTED = re.compile(r"(?<![A-Za-z0-9+/_.\x01-])[A-Za-z0-9+/_.-]{20,512}={0,2}(?![A-Za-z0-9+/_=.\x01-])")
_DIGEST_OF = re.compile(r"(?:sha\d{1,3}|md5|h1)[-:]$", re.IGNORECASE)


def doubtful(text: str) -> bool:
    """Tell whether a redacted text holds a run that others' rules should see: digits all over it, of no known kind."""
    runs = (match for match in _DOTTED.finditer(_plain(text)) if not _is_known(text, match))
    return any(any(map(_is_odd, _SEPARATORS.split(run[0]))) for run in runs) or bool(drawn(text))


def _is_odd(part: str) -> bool:
    return len(part) >= _LONG_PART and scattered(part) and not is_harmless(part)


def drawn(text: str) -> tuple[Span, ...]:
    """Return the runs of a redacted text that look drawn by lot, and are of no kind that is known to be harmless."""
    runs = (match for match in _RUN.finditer(_plain(text)) if looks_drawn(match[0]))
    return tuple(Span(*match.span(), "unknown") for match in runs if not _is_known(text, match))


def _is_known(text: str, run: re.Match[str]) -> bool:
    before = text[max(0, run.start() - 8) : run.start()]
    return "---" in run[0] or is_harmless(run[0]) or _DIGEST_OF.search(before) is not None
