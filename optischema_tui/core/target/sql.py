"""The one loader of SQL that runs against a target: `queries/*.sql` beside each room.

Every text that passes here carries `MARK`, so that pg_stat_statements shows which statements are ours.
"""

from __future__ import annotations

import importlib
import re
from functools import lru_cache
from pathlib import Path

MARK = "/* optischema-tui */"
"""Stands after the first keyword: some versions of pg_stat_statements drop a comment before it."""

_LEADING_COMMENTS = re.compile(r"\A(?:\s+|--[^\n]*\n)*")
_FIRST_WORD = re.compile(r"\A\w+")
_VERSIONED = re.compile(r"_(\d{5,6})\Z")


@lru_cache(maxsize=256)
def load(package: str, name: str, version_num: int = 0) -> str:
    """The text of `queries/<name>.sql` in `package`, marked, without leading comments and trailing semicolon.

    `version_num` is server_version_num. Of `<name>_140000.sql`, `<name>_170000.sql`, ... the highest not above it wins;
    `<name>.sql` is for all lower versions. Raises LookupError when no file fits.
    """
    file = _choose(_queries(package), name, version_num)
    return mark(file.read_text("utf-8"))


def mark(sql: str) -> str:
    """`sql` with `MARK` after its first word."""
    bare = _LEADING_COMMENTS.sub("", sql).rstrip().removesuffix(";")
    return _FIRST_WORD.sub(lambda word: f"{word.group()} {MARK}", bare, count=1)


def _queries(package: str) -> Path:
    origin = importlib.import_module(package).__file__
    if origin is None:
        raise LookupError(f"{package} has no place on disk")
    return Path(origin).parent / "queries"


def _choose(folder: Path, name: str, version_num: int) -> Path:
    best: tuple[int, Path] | None = None
    for file in folder.glob(f"{name}*.sql"):
        versioned = _VERSIONED.search(file.stem)
        if file.stem == name:
            minimum = 0
        elif versioned and file.stem[: versioned.start()] == name:
            minimum = int(versioned.group(1))
        else:
            continue
        if minimum <= version_num and (best is None or minimum > best[0]):
            best = (minimum, file)
    if best is None:
        raise LookupError(f"no query {name!r} for server version {version_num} in {folder}")
    return best[1]
