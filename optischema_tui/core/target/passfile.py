"""libpq's password file (~/.pgpass), read by us: libpq would write its warnings across the screen."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_SOCKET_DIRS = ("/var/run/postgresql", "/run/postgresql", "/tmp")


@dataclass(frozen=True, slots=True)
class Found:
    password: str = ""
    source: str = ""
    """The file it came from, or why a file that exists was not used."""


def passfile_path(params: Mapping[str, str], environment: Mapping[str, str]) -> Path:
    named = params.get("passfile") or environment.get("PGPASSFILE")
    return Path(named) if named else Path(os.path.expanduser("~/.pgpass"))


def look_up(file: Path, hosts: Iterable[str], ports: Iterable[str], dbname: str, user: str) -> Found:
    """The password of the first line that fits one of the (host, port) pairs. A socket directory that libpq takes by
    default is also `localhost`. A file that is not this user's alone is not used."""
    try:
        status = file.stat()
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(source=f"{file} was not used: {error.strerror}")
    if not stat.S_ISREG(status.st_mode):
        return Found(source=f"{file} is not a plain file and was not used")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        return Found(source=f"{file} was not used: its mode {mode:04o} lets others read it; run chmod 0600 {file}")
    if status.st_uid not in (0, os.geteuid()):
        return Found(source=f"{file} was not used: it belongs to another user")
    return look_up_open(file, hosts, ports, dbname, user)


def look_up_open(file: Path, hosts: Iterable[str], ports: Iterable[str], dbname: str, user: str) -> Found:
    """`look_up` in a file whose privacy somebody else has seen to."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except FileNotFoundError:
        return Found()
    except OSError as error:
        return Found(source=f"{file} was not used: {error.strerror}")
    pairs = [
        (name, port)
        for host, port in zip(hosts, ports, strict=True)
        for name in ((host, "localhost") if host in DEFAULT_SOCKET_DIRS else (host,))
    ]
    entries = [fields for line in lines if not line.startswith("#") and (fields := _fields(line))]
    for host, port in pairs:
        for entry in entries:
            if all(want in ("*", have) for want, have in zip(entry, (host, port, dbname, user), strict=False)):
                return Found(_unescape(entry[4]), str(file)) if entry[4] else Found()
    return Found()


def _fields(line: str) -> list[str]:
    """host, port, database, user (unescaped; a bare * stays), password (still escaped); empty when not that many."""
    fields: list[str] = []
    start = at = 0
    while at < len(line) and len(fields) < 4:
        if line[at] == "\\":
            at += 1
        elif line[at] == ":":
            fields.append(_unescape(line[start:at]))
            start = at + 1
        at += 1
    return [*fields, line[start:]] if len(fields) == 4 else []


def _unescape(text: str) -> str:
    out: list[str] = []
    at = 0
    while at < len(text):
        at += text[at] == "\\" and at + 1 < len(text)
        out.append(text[at])
        at += 1
    return "".join(out)
