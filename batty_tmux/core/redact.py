"""Keeps secrets out of what is written: each value is replaced by a mark that says what stood there.

By shapes (`secret_shapes`), by the names that values are given, and by how random a run next to a telling word is.
Commit and tree ids, digests, UUIDs and paths are no secrets and stay. Every pattern is bounded and every step goes on
where the last one ended, so that the work is linear in the text; existing marks are never looked into, so that
a second time changes nothing.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from batty_tmux.core.secret_shapes import SHAPES, Shape, looks_drawn, mixed
from batty_tmux.core.secret_values import Named, is_harmless, is_secret, stands_for_one

_MARK = re.compile(r"\[redacted:[a-z0-9-]{1,40}\]")
_SCREEN: Final = 40
"""Columns below which nobody's screen breaks a token."""


@dataclass(frozen=True)
class Span:
    """A value in the text, and what to call it."""

    start: int
    end: int
    mark: str


def redact(text: str) -> str:
    """Return the text with each secret's value replaced by a mark such as `[redacted:aws-key]`."""
    return marked(text, [span for rule in _RULES for span in rule(text)])


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
        at = max(parts[-1][1], start.end())
        value = "".join(text[first:last] for first, last in parts)
        whole = value[start.end() - start.start() :]
        if shape.least <= len(whole) and not _goes_on(text, at, shape) and (not shape.mixed or mixed(whole)):
            yield from (Span(first, last, shape.mark) for first, last in parts)


def _goes_on(text: str, at: int, shape: Shape) -> bool:
    """Tell whether the run is longer than any token of this shape."""
    return _run(text, shape, at, 1) > at


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
        if end == at:
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
        first = self._text.rfind("\n", 0, end) + 1
        return end - first >= self._widest - 2


# --- private keys -------------------------------------------------------------------------------------------

_BEGIN = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_HEADER = re.compile(r"[A-Za-z-]{4,20}: .{1,100}")
_BASE64 = re.compile(r"[A-Za-z0-9+/=]+")
_BROKEN = re.compile(r"(?:\\[rn]|[A-Za-z0-9+/=])+")
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
    if start < end:
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
        if row.strip() and not (_is_key_row(row) and (len(row.strip()) >= _FEW or end > at)):
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
            break
        start = above
    return start


# --- values with names --------------------------------------------------------------------------------------

_PASSWORD: Final = r"pass(?:word|wd|phrase|code)|pwd|secret(?:[_-]?key)?"
_TOKEN: Final = (
    r"token|api[_-]?key|(?:access|account|private|signing|encryption|master|service|auth|shared|license|deploy|storage)"
    r"[_-]?(?:access[_-]?)?key|credentials?|sharedaccesssignature|auth"
)
_STEMS: Final = (
    "pass pwd secret token api access account private signing encryption master service auth shared license deploy"
    " storage credential"
).split()
_SUFFIX: Final = r"(?P<suffix>(?:[_-][A-Za-z0-9]{1,20}){0,3})"
_VALUE: Final = r"(?:[@frbu]{0,2}(?P<quote>[\"'`]))?(?P<value>(?(quote)[^\"'`\n]{1,512}|[^\s\"'`]{1,512}))"
_ASSIGNED = re.compile(
    rf"(?:(?P<password>{_PASSWORD})|{_TOKEN}){_SUFFIX}(?:\\?[\"'\]]){{0,2}}"
    rf"(?P<sep>[ \t]{{0,12}}(?::=|=>|={{1,3}}|!==?|:(?![:/]))[ \t]{{0,12}})\\?{_VALUE}",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    rf"(?<![A-Z0-9])(?P<password>(?!))?[A-Z0-9]{{2,20}}_(?:KEY|PASS|PAT|SIG)(?P<suffix>)(?P<sep>=){_VALUE}"
)
_FLAG = re.compile(
    rf"(?<!-)--(?:[a-z]{{1,20}}-){{0,3}}(?:(?P<password>{_PASSWORD}|pass)|{_TOKEN})(?P<suffix>)"
    rf"(?P<sep>[ \t]{{1,4}}){_VALUE}"
)


def _assigned(text: str) -> Iterator[Span]:
    low = text.lower()
    if len(low) != len(text):
        # a few letters grow when they are made small: then the places would not be the same
        low = text
    yield from _named(text, (match for at in _all(low, _STEMS) if (match := _ASSIGNED.match(text, at))))
    if "--" in text:
        yield from _named(text, _FLAG.finditer(text))
    if any(name in text for name in ("_KEY=", "_PASS=", "_PAT=", "_SIG=")):
        yield from _named(text, _VARIABLE.finditer(text))


def _all(text: str, words: Sequence[str]) -> list[int]:
    """Return where any of the words begins."""
    found: list[int] = []
    for word in words:
        at = text.find(word)
        while at >= 0:
            found.append(at)
            at = text.find(word, at + len(word))
    return sorted(found)


def _named(text: str, matches: Iterable[re.Match[str]]) -> Iterator[Span]:
    at = 0
    for match in matches:
        if match.start() < at:
            continue
        start, end = match.span("value")
        quote = match["quote"] or ""
        if not quote:
            end = _bare_end(text, start, end)
        named = Named(
            name=text[_name_start(text, match.start()) : match.end("suffix")],
            suffix=match["suffix"],
            password=match["password"] is not None,
            sep=match["sep"],
            quoted=bool(quote),
            before=text[max(0, text.rfind("\n", 0, match.start()) + 1, match.start() - _NAME) : match.start()],
            after=text[match.end() : match.end() + _NAME].split("\n", 1)[0],
        )
        if is_secret(named, text[start:end]):
            at = end = _whole(text, end, quote) if end == match.end("value") else end
            yield Span(start, end, "password" if named.password else "token")


def _whole(text: str, end: int, quote: str) -> int:
    """Return where a value ends that is longer than what was looked at."""
    rest = (_TO_QUOTE if quote else _TO_BLANK).match(text, end)
    return end if rest is None else rest.end()


_TO_QUOTE = re.compile(r"[^\"'`\n]*")
_TO_BLANK = re.compile(r"[^\s\"'`]*")
_NAME: Final = 60
"""Characters around a value that may tell what it is."""


def _name_start(text: str, at: int) -> int:
    start = at
    while start > 0 and at - start < _NAME and (text[start - 1].isalnum() or text[start - 1] in "_-."):
        start -= 1
    return start


_NEXT_FIELD = re.compile(r"[;&,](?=[ \t]{0,4}[A-Za-z][\w .-]{0,40}=)")


def _bare_end(text: str, start: int, end: int) -> int:
    """Return where an unquoted value ends: before the next field, without what closes a sentence or a call."""
    following = _NEXT_FIELD.search(text, start, min(len(text), end + 60))
    if following is not None and following.start() < end:
        end = following.start()
    while end > start and text[end - 1] in ",;:)}]>.\\│┃|":
        end -= 1
    return end


# --- values in their places ---------------------------------------------------------------------------------


def _place(mark: str, needle: str, pattern: str) -> tuple[str, str, re.Pattern[str]]:
    return mark, needle, re.compile(pattern, re.IGNORECASE)


_PLACES: Final = (
    _place("url-password", "://", r"://[^\s/:@\"'<>]{0,128}:([^\s/\"'<>]{1,256})@(?=[\w\[$.-])"),
    _place("url-token", "://", r"://([A-Za-z0-9_.~%+-]{20,256})@(?=\w)"),
    _place(
        "authorization",
        "authorization",
        r"authorization[\"']?[ \t]{0,4}[:=][ \t]{0,4}[\"']?(?:[a-z][a-z0-9-]{2,20}[ \t]{1,4})?([^\s\"',]{8,8192})",
    ),
    _place("authorization", "bearer", r"\bbearer[ \t]{1,4}([a-z0-9_.~+/=-]{16,8192})"),
    _place("authorization", "basic", r"\bbasic[ \t]{1,4}([a-z0-9+/]{12,8192}={0,2})"),
    _place("cookie", "cookie", r"cookie[\"']?[ \t]{0,4}:[ \t]{0,4}[\"']?[\w.-]{1,60}=([^\s\"',;]{8,4096})"),
    _place(
        "password",
        "login",
        r"\blogin\s{1,16}\S{1,128}\s{1,16}(?:account\s{1,16}\S{1,128}\s{1,16})?password\s{1,16}(\S{1,256})",
    ),
    _place("password", "curl", r"\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,64}:([^\s\"']{1,256})"),
    _place("password", "sshpass", r"\bsshpass\s{1,4}-p ?[\"']?([^\s\"']{1,256})"),
    _place("password", " -p", r"\b(?:mysql|mysqldump|mariadb)\b[^\n]{0,200}?\s-p([^\s\"']{4,256})"),
    _place("password", " -p", r"\bdocker login\b[^\n]{0,100}?\s-p ([^\s\"'-][^\s\"']{3,256})"),
    _place("signature", "sig=", r"[?&;]sig=([a-z0-9%+/=_-]{20,256})"),
)
_DRAWN: Final = frozenset({"url-token", "bearer", "basic"})
"""What stands there is a secret only if it does not look like a word."""


def _placed(text: str) -> Iterator[Span]:
    low = text.lower()
    for mark, needle, pattern in _PLACES:
        if needle in low:
            for match in pattern.finditer(text):
                drawn = mixed(match[1]) or match[1].endswith("=")
                if not stands_for_one(match[1]) and (drawn or not _DRAWN & {mark, needle}):
                    yield Span(*match.span(1), mark)


# --- runs next to telling words -----------------------------------------------------------------------------

_NEAR = re.compile(
    r"(?<![A-Za-z])(?:secret|token|password|passwd|passphrase|credentials?|(?:api|access|private|secret)[ _-]?key"
    r"|(?:AKIA|ASIA)[A-Z0-9]{16})(?![A-Za-z])",
    re.IGNORECASE,
)
_RUN = re.compile(r"(?<![A-Za-z0-9+/_.-])[A-Za-z0-9+/_-]{20,512}={0,2}(?![A-Za-z0-9+/_=.-])")
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
            if (
                looks_drawn(match[0])
                and not is_harmless(match[0])
                and "://" not in text[match.start() - 60 : match.start()]
            ):
                yield Span(*match.span(), "token")
    yield from (Span(*match.span(1), "token") for match in _TOLD.finditer(text))


_RULES: Final[tuple[Callable[[str], Iterator[Span]], ...]] = (_private_keys, _shapes, _placed, _assigned, _near)


# --- what is left -------------------------------------------------------------------------------------------

_DIGEST_OF = re.compile(r"(?:sha\d{1,3}|md5|h1)[-:]$", re.IGNORECASE)


def doubtful(text: str) -> tuple[Span, ...]:
    """Return the runs of a redacted text that look drawn by lot and are of no kind that is known to be harmless."""
    return tuple(
        Span(*match.span(), "unknown")
        for match in _RUN.finditer(text)
        if looks_drawn(match[0])
        and not is_harmless(match[0])
        and not _DIGEST_OF.search(text[max(0, match.start() - 8) : match.start()])
    )
