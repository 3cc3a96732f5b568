"""Values that their place tells of: behind a name, in an address, in a header, in a command's options."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from batty_tmux.core.secret_shapes import Span, mixed
from batty_tmux.core.secret_values import Named, is_secret, stands_for_one

# --- values with names --------------------------------------------------------------------------------------

_PASSWORD_NAME: Final = r"pass(?:word|wd|phrase|code)|pwd|secret(?:[_-]?key)?"  # noqa: S105 -- a pattern
_KEY_NAME: Final = (
    r"token|api[_-]?key|(?:access|account|private|signing|encryption|master|service|auth|shared|license|deploy|storage)"
    r"[_-]?(?:access[_-]?)?key|credentials?|sharedaccesssignature|auth"
)
_STEMS: Final = (
    "pass pwd secret token api access account private signing encryption master service auth shared license"
    " deploy storage credential"
).split()
_SUFFIX: Final = r"(?P<suffix>(?:[_-][A-Za-z0-9]{1,20}){0,3})"
_VALUE: Final = r"(?:[@frbu]{0,2}(?P<quote>[\"'`]))?(?P<value>(?(quote)[^\"'`\n]{1,160}|[^\s\"'`]{1,160}))"
_ASSIGNED = re.compile(
    rf"(?:(?P<password>{_PASSWORD_NAME})|{_KEY_NAME}){_SUFFIX}(?:\\?[\"'\]]){{0,2}}"
    rf"(?P<sep>[ \t\0]{{0,24}}(?::=|=>|={{1,3}}|!==?|:(?![:/]))[ \t\0]{{0,24}})\\?{_VALUE}",
    re.IGNORECASE,
)
_VARIABLE = re.compile(
    rf"(?<![A-Z0-9])(?P<password>(?!))?[A-Z0-9]{{2,20}}_(?:KEY|PASS|PAT|SIG)(?P<suffix>)(?P<sep>=){_VALUE}"
)
_FLAG = re.compile(
    rf"(?<!-)--(?:[a-z]{{1,20}}-){{0,3}}(?:(?P<password>{_PASSWORD_NAME}|pass)|{_KEY_NAME})(?P<suffix>)"
    rf"(?P<sep>[ \t]{{1,4}}){_VALUE}"
)


def assigned(text: str) -> Iterator[Span]:
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
            start, end = _bare(text, start, end)
        named = Named(
            name=text[_name_start(text, match.start()) : match.end("suffix")],
            suffix=match["suffix"],
            password=match["password"] is not None,
            sep=match["sep"],
            quoted=bool(quote),
            before=text[max(0, match.start() - _NAME) : match.start()].replace("\0", "").rpartition("\n")[2],
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


def _bare(text: str, start: int, end: int) -> tuple[int, int]:
    """Return an unquoted value's place: up to the next field, without colours and what closes a sentence or a call."""
    following = _NEXT_FIELD.search(text, start, min(len(text), end + 60))
    if following is not None and following.start() < end:
        end = following.start()
    while end > start and text[end - 1] in "\0,;:(){}[]<>.\\│┃|":
        end -= 1
    while start < end and text[start] == "\0":
        start += 1
    return start, end


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


def placed(text: str) -> Iterator[Span]:
    low = text.lower()
    for mark, needle, pattern in _PLACES:
        if needle in low:
            for match in pattern.finditer(text):
                drawn = mixed(match[1]) or match[1].endswith("=")
                if not stands_for_one(match[1]) and (drawn or not _DRAWN & {mark, needle}):
                    yield Span(*match.span(1), mark)
