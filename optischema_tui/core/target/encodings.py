"""Bytes of a server's text to characters, whatever database they come from."""

from __future__ import annotations

import codecs

_PYTHON_NAMES = {
    "sql_ascii": "utf-8",
    "unicode": "utf-8",
    "utf8": "utf-8",
    "euc_cn": "gb2312",
    "koi8r": "koi8_r",
    "koi8u": "koi8_u",
    "sjis": "shift_jis",
    "uhc": "cp949",
    "win866": "cp866",
    "win874": "cp874",
}
"""What Python calls an encoding of PostgreSQL, where the names differ by more than `win` for `cp`. Bytes of an
SQL_ASCII database have no encoding that the server knows: UTF-8 is the best guess."""


def is_known(encoding: str) -> bool:
    """False for the two encodings of PostgreSQL's that Python does not have."""
    return encoding not in ("MULE_INTERNAL", "EUC_TW")


def codec_of(encoding: str) -> str:
    """Python's codec for the server's name of an encoding; UTF-8 for one that Python does not know."""
    name = encoding.lower()
    name = _PYTHON_NAMES.get(name, name.replace("win", "cp", 1) if name.startswith("win") else name)
    try:
        return codecs.lookup(name).name
    except LookupError:
        return "utf-8"


def decode(raw: bytes, encoding: str) -> str:
    """The characters of `raw`, a text of a database with that encoding; U+FFFD for what it cannot be."""
    return bytes(raw).decode(codec_of(encoding), "replace")
