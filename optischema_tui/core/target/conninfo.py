"""Connection strings and URLs read as libpq reads them, without loading a driver.

Errors never repeat the text: a malformed string may hold a secret anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from optischema_tui.core.config import KEYWORDS, PASSWORD_PLACES, SECRET_KEYWORDS, check_keywords, nearest
from optischema_tui.core.errors import UsageError

_URL = re.compile(r"(?i)\Apostgres(?:ql)?://")
_KEYWORD = re.compile(r"[a-z][a-z_]{0,30}")
_IGNORED = frozenset(("application_name", "fallback_application_name", "client_encoding", "sslsni", "sslcompression"))
"""Known, without a meaning here: the program sets its own or both drivers do without."""
_HARMLESS = {"gssencmode": ("prefer", "disable"), "requirepeer": (), "sslcrldir": ()}
"""Values of keywords that only one driver knows, which ask for nothing."""


def is_url(text: str) -> bool:
    return _URL.match(text) is not None


def parse_url(text: str) -> dict[str, str]:
    """The keywords of a `postgresql://` URL. Raises UsageError, also for a password in it."""
    rest = _URL.sub("", text, count=1)
    rest, _, query = rest.partition("?")
    authority, _, path = rest.partition("/")
    if "@" in path or "#" in text or any(character.isspace() for character in text):
        raise _malformed_url("A special character stands where none may; write it in percent-encoding")
    userinfo, at, hosts = authority.rpartition("@")
    user, colon, secret = userinfo.partition(":")
    if colon and secret:
        raise password_refused("the URL")
    params: dict[str, str] = {}
    if at and user:
        params["user"] = _decode(user)
    params |= _hosts(hosts)
    if path:
        params["dbname"] = _decode(path)
    for pair in filter(None, query.split("&")):
        key, equals, value = pair.partition("=")
        if not equals:
            raise _malformed_url("A parameter after ? has no value")
        key, value = _decode(key), _decode(value)
        if key == "ssl" and value == "true":
            key, value = "sslmode", "require"
        params[key] = value
    return known_keywords(params, "the URL")


def parse_conninfo(text: str) -> dict[str, str]:
    """The keywords of a `key=value key='va lue'` string. Raises UsageError, also for a password in it."""
    params: dict[str, str] = {}
    at = 0
    while (at := _skip_space(text, at)) < len(text):
        match = re.compile(r"([^\s=]+)\s*=\s*").match(text, at)
        if match is None:
            if SECRET_KEYWORDS[0] in params:
                raise password_refused("the connection string")
            raise UsageError(
                "The connection string cannot be read",
                "A word in it is not followed by =",
                "Write it as: host=db.example port=5432 dbname=shop user=dba",
            )
        value, at = _conninfo_value(text, match.end())
        params[match.group(1)] = value
    return known_keywords(params, "the connection string")


def known_keywords(params: Mapping[str, str], where: str, *, allow_secret: bool = False) -> dict[str, str]:
    """`params` without the keywords that have no meaning here and without empty values.

    Raises UsageError for a keyword that cannot be honoured or a value that cannot be right, and for a password unless
    `allow_secret`.
    """
    if not allow_secret and any(key.lower() in SECRET_KEYWORDS for key in params):
        raise password_refused(where)
    kept: dict[str, str] = {}
    for key, value in params.items():
        if key in KEYWORDS or (allow_secret and key == SECRET_KEYWORDS[0]):
            if value:
                kept[key] = value
        elif key in _IGNORED or key.startswith("keepalives") or key == "tcp_user_timeout":
            continue
        elif key in _HARMLESS:
            if value not in _HARMLESS[key]:
                raise UsageError(
                    f"{key} in {where} cannot be honoured",
                    "One of the two drivers does not know it",
                    "Leave it out; sslmode=verify-full with sslrootcert proves the server",
                )
        else:
            name = key if _KEYWORD.fullmatch(key) else "one of them"
            hint = nearest(key, KEYWORDS) if _KEYWORD.fullmatch(key) else ""
            raise UsageError(
                f"Unknown connection keyword in {where}: {name}", todo=hint or f"Known: {', '.join(KEYWORDS)}"
            )
    check_keywords(kept, where[:1].upper() + where[1:])
    return kept


def password_refused(where: str) -> UsageError:
    return UsageError(
        f"A password in {where} is refused",
        "Everybody on this machine could read it in the process list, and the shell keeps it",
        PASSWORD_PLACES,
    )


def _hosts(text: str) -> dict[str, str]:
    hosts, ports = [], []
    for part in text.split(",") if text else []:
        match = re.fullmatch(r"(\[[0-9A-Fa-f:.%\w]+\]|[^\[\]:]*)(?::([0-9]*))?", part)
        if match is None:
            raise _malformed_url("The host and port cannot be read")
        hosts.append(_decode(match.group(1)).strip("[]"))
        ports.append(match.group(2) or "")
    params: dict[str, str] = {}
    if any(hosts):
        params["host"] = ",".join(hosts)
    if any(ports):
        params["port"] = ",".join(port or "5432" for port in ports) if len(ports) > 1 else ports[0]
    return params


def _decode(text: str) -> str:
    if re.search(r"%(?![0-9A-Fa-f]{2})|%00", text):
        raise _malformed_url("A percent-encoding in it is wrong")
    return unquote(text, errors="replace")


def _malformed_url(why: str) -> UsageError:
    return UsageError(
        "The URL cannot be read", why, "Write it as: postgresql://dba@db.example:5432/shop?sslmode=require"
    )


def _skip_space(text: str, at: int) -> int:
    while at < len(text) and text[at].isspace():
        at += 1
    return at


def _conninfo_value(text: str, at: int) -> tuple[str, int]:
    """The value that starts at `at`, and where the text goes on."""
    quoted = text[at : at + 1] == "'"
    at += quoted
    value: list[str] = []
    while at < len(text):
        character = text[at]
        if character == "\\" and at + 1 < len(text):
            at += 1
            character = text[at]
        elif quoted and character == "'":
            return "".join(value), at + 1
        elif not quoted and character.isspace():
            break
        value.append(character)
        at += 1
    if quoted:
        raise UsageError("The connection string cannot be read", "A quote in it is not closed")
    return "".join(value), at
