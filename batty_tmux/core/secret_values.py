"""Tells a secret from what ordinary code and prose give to the same names: `password = args.password`."""

import re
from dataclasses import dataclass
from typing import Final

from batty_tmux.core.secret_shapes import looks_drawn, mixed

_PLACEHOLDER = re.compile(
    r"\$[A-Za-z_{(].*|<[^>]*>?|\{.*|\[redacted:.*|\[[^\]]*\]?|%\(.*|%[A-Za-z_]+%?|[*•.·:xX#_-]+|\.{3}.*|.*\.\.\.|your[_-].*"
    r"|(?:change|replace)[_-]?me|.*(?:example|placeholder|redacted).*",
    re.IGNORECASE | re.DOTALL,
)
_WORDS: Final = frozenset(
    [
        "any",
        "auth",
        "bearer",
        "bool",
        "boolean",
        "bytes",
        "byte",
        "credential",
        "credentials",
        "default",
        "disabled",
        "empty",
        "enabled",
        "false",
        "generated",
        "hidden",
        "incorrect",
        "int",
        "invalid",
        "key",
        "missing",
        "nil",
        "no",
        "none",
        "null",
        "number",
        "object",
        "optional",
        "ok",
        "pass",
        "passwd",
        "password",
        "passphrase",
        "prompt",
        "required",
        "secret",
        "secretstr",
        "str",
        "string",
        "test",
        "token",
        "tokens",
        "true",
        "undefined",
        "unknown",
        "unset",
        "user",
        "username",
        "value",
        "wrong",
        "yes",
    ]
)
_SUFFIX_OF_NO_SECRET = re.compile(
    r"[_-](?:ids?|count|file|path|dir|url|uri|name|type|len|length|size|limit|budget|field|policy|expir\w*|at|ttl|age"
    r"|endpoint|algorithm|alg|hint|label|prompt|regex|pattern|format|input|manager|provider|store|ref|version|usage"
    r"|min|max|required|header|env|var|arn)(?:[_-]\w*)?$",
    re.IGNORECASE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z_]*(?:[.:]{1,2}[A-Za-z_]\w*)*")
_CODE = re.compile(r"[\[({]|=>|->|::|&&|\|\|")
_PATH = re.compile(r"(?:~|\.{1,2})?/[\w.@-]+(?:/[\w.@-]*)*|[\w.-]+(?:/[\w.-]+)+\.\w{1,8}|[A-Za-z]:\\.*|https?://.*")
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)
_DIGEST = re.compile(r"(?:sha\d{1,3}|md5|h1|blake\w{1,3})[-:].*|[0-9a-f]{40}|[0-9a-f]{64}", re.IGNORECASE)
_PROSE = re.compile(
    r"(?:[A-Za-z',-]+[.!?:]?\s+){2,}.*|.*\b(?:required|must|invalid|your|enter|please|incorrect)\b.*",
    re.IGNORECASE | re.DOTALL,
)
_SHORT: Final = 4
_LONG: Final = 8
_LONG_KEY: Final = 16
AWS_SECRET: Final = 40
"""Letters of AWS's secrets: they tell nothing of themselves but their number."""


@dataclass(frozen=True)
class Named:
    """What stands around a value: its name, how it is given to it, and the rest of the row."""

    name: str
    suffix: str
    password: bool
    sep: str
    quoted: bool
    before: str
    after: str

    @property
    def shellish(self) -> bool:
        """Tell whether it is set as in an environment: `NAME=value`."""
        return self.sep == "=" and self.name.isupper()

    @property
    def alone(self) -> bool:
        """Tell whether the row holds nothing but name and value, as in a settings file."""
        return " " not in self.before.strip(" \t+>│|") and not self.after.strip(" \t\"'│|")


def stands_for_one(value: str) -> bool:
    """Tell whether a value is a placeholder, a reference, or a word that is no secret."""
    return _PLACEHOLDER.fullmatch(value) is not None or value.lower() in _WORDS


def is_harmless(value: str) -> bool:
    """Tell whether a value is none, or of a kind that batty itself writes: ids, digests, paths."""
    return stands_for_one(value) or _UUID.fullmatch(value) is not None or _DIGEST.fullmatch(value) is not None


def is_secret(named: Named, value: str) -> bool:
    """Judge a value by its name: whether it is one that nobody but its owner should read."""
    if len(value) < _SHORT or _SUFFIX_OF_NO_SECRET.search(named.suffix) or stands_for_one(value) or _is_path(value):
        return False
    if named.quoted:
        return _quoted(named, value)
    if named.shellish and not _CODE.search(value):
        return named.password or len(value) >= _LONG
    if _CODE.search(value) or _IDENTIFIER.fullmatch(value):
        return named.password and named.alone and value.isalpha() and value.islower() and len(value) >= _LONG
    if named.password:
        return _is_odd(value)
    return len(value) >= (_LONG_KEY if named.sep.isspace() else _LONG) and mixed(value)


def _is_path(value: str) -> bool:
    """Tell whether it names a file or a page. AWS's secrets may look like a path, but have one length."""
    return _PATH.fullmatch(value) is not None and not (len(value) == AWS_SECRET and looks_drawn(value))


def _quoted(named: Named, value: str) -> bool:
    if " " in value.strip() and _PROSE.fullmatch(value):
        return False
    if named.password:
        return _is_odd(value) or named.sep.strip() == "=" or (len(value) >= _LONG and named.sep.strip() != ":")
    return len(value) >= _LONG and mixed(value) and " " not in value


def _is_odd(value: str) -> bool:
    """Tell whether a value is more than letters: words of prose are not."""
    return any(not (c.isalpha() or c in "_.-:,") for c in value)
