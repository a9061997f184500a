"""Which entries are wanted, by user, object, state, change and words; and what an entry says of itself."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.models import AuditEntry

_OBJECTS = ("subject", "object", "index", "table", "setting", "sql", "recommendation", "target", "profile", "file")
_HASH = re.compile(r"[0-9a-f]{64}")
KEYS = ("user", "object", "state", "change")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Every part that is not empty must fit."""

    user: str = ""
    """Who acted: a name of the machine or of the server, or the start of one, in any case."""
    object: str = ""
    """In the name of what is changed, in its SQL, or in the target's."""
    state: str = ""
    """The last word of the event: applied, kept, refused, login, ..."""
    change: str = ""
    """A change's id, or its beginning."""
    words: tuple[str, ...] = ()
    """Each stands somewhere in the entry's event, user, object, change or result."""

    def fits(self, entry: AuditEntry) -> bool:
        if self.change and not entry.change_id.startswith(self.change.lower()):
            return False
        if self.state and state_of(entry) != self.state.lower():
            return False
        if self.user and not any(name.lower().startswith(self.user.lower()) for name in users_of(entry)):
            return False
        if self.object and self.object.lower() not in objects_of(entry).lower():
            return False
        return not self.words or all(word.lower() in _text(entry) for word in self.words)


ALL = Wanted()


def parse(text: str) -> Wanted:
    """`user:dana object:orders state:kept change:0192 word word` in any order."""
    parts: dict[str, str] = {}
    words = []
    for word in text.split():
        key, colon, value = word.partition(":")
        if colon and key in KEYS:
            parts[key] = value
        else:
            words.append(word)
    return Wanted(**parts, words=tuple(words))


def state_of(entry: AuditEntry) -> str:
    return entry.event.rpartition(".")[2]


def users_of(entry: AuditEntry) -> tuple[str, ...]:
    """Everybody that an entry names as who acted, the most telling name first."""
    who, database = entry.body.get("who"), entry.body.get("database")
    names: list[Any] = [who] if isinstance(who, str) else []
    if isinstance(who, dict):
        names += [who.get(key) for key in ("login_user", "os_user", "claimed_sudo_user")]
    if isinstance(database, dict):
        names += [database.get(key) for key in ("session_user", "current_user", "system_user")]
    return tuple(dict.fromkeys(name for name in names if isinstance(name, str) and name))


def objects_of(entry: AuditEntry) -> str:
    return "\n".join(str(entry.body[key]) for key in _OBJECTS if entry.body.get(key))


def subject_of(entry: AuditEntry) -> str:
    """What an entry is about, in a few words; empty when it is about nothing by name."""
    body = entry.body
    for key in ("subject", "index", "table", "recommendation", "profile", "target", "file"):
        value = body.get(key)
        if isinstance(value, str) and value.strip("."):
            return value
    return ""


def gist_of(entry: AuditEntry) -> str:
    """What an entry tells: its result or its reason, else its SQL."""
    body: dict[str, Any] = entry.body
    return str(next((body[key] for key in ("result", "reason", "sql", "title", "command") if body.get(key)), ""))


def hashes_of(body: Any) -> dict[str, str]:
    """Name -> hash of the evidence that an entry's body names."""
    told = body.get("evidence") if isinstance(body, dict) else None
    if not isinstance(told, dict):
        return {}
    return {name: value for name, value in told.items() if isinstance(value, str) and _HASH.fullmatch(value)}


def _text(entry: AuditEntry) -> str:
    parts = (entry.event, *users_of(entry), objects_of(entry), entry.change_id, gist_of(entry))
    return "\n".join(parts).lower()
