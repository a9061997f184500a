"""Which locale the lab's server gets: what it does to text comparisons decides LIKE and range plans."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from functools import cache

from optischema_tui.core.lab.image import Server

FALLBACK = "C.UTF-8"


@dataclass(frozen=True, slots=True)
class LabLocale:
    collate: str
    ctype: str
    approximate: bool
    """True when text sorts otherwise here than on the target: range predicates on text are then rough."""


def choose(server: Server) -> LabLocale:
    """C stays C; a libc locale that this machine has stays; else C.UTF-8, which PostgreSQL does not treat as C."""
    if server.provider == "b":
        return LabLocale("C", FALLBACK, False)
    collate = "C" if server.collate in ("C", "POSIX") else _installed(server.collate)
    ctype = "C" if server.ctype in ("C", "POSIX") else _installed(server.ctype)
    if server.provider != "c":
        return LabLocale(collate if collate not in ("", "C") else FALLBACK, ctype or FALLBACK, True)
    return LabLocale(collate or FALLBACK, ctype or FALLBACK, not collate)


def _installed(name: str) -> str:
    """`name` with UTF-8 as this machine spells it, or "" when it is not installed."""
    wanted = _normal(name)
    return next((known for known in known_locales() if _normal(known) == wanted), "")


def _normal(name: str) -> str:
    base, _, _ = name.partition(".")
    return f"{base.lower()}.utf8"


@cache
def known_locales() -> tuple[str, ...]:
    """The UTF-8 locales that are installed on this machine."""
    try:
        answer = subprocess.run(["locale", "-a"], capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (FALLBACK,)
    names = [line.strip() for line in answer.splitlines()]
    return tuple(name for name in names if _codeset(name) in ("utf8", "utf-8")) or (FALLBACK,)


def _codeset(name: str) -> str:
    return name.partition(".")[2].partition("@")[0].lower()
