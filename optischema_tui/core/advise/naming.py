"""Names of the indexes that we propose."""

from __future__ import annotations

from collections.abc import Collection

from optischema_tui.core.models import IndexSpec, digest
from optischema_tui.core.workload.lexer import identifier, significant

MAX_BYTES = 63
"""NAMEDATALEN - 1: PostgreSQL would silently cut a longer name."""


def canonical(spec: IndexSpec) -> str:
    """The action as text without a generated name: equal for equal indexes."""
    return spec.sql("_", concurrently=False)


def index_name(spec: IndexSpec, taken: Collection[str] = ()) -> str:
    """`<table>_<columns>_os<4 hex digits>`: always the same for one spec, and at most 63 bytes of UTF-8.

    An expression gives its words: `(lower(email))` is lower_email. Where the name is `taken` the hash grows until it
    is free.
    """
    proof = digest(canonical(spec))
    base = "_".join((spec.table, *(_words(spec, position) for position in range(len(spec.columns)))))
    for length in range(4, len(proof) + 1):
        tail = f"_os{proof[:length]}"
        name = _cut(base, MAX_BYTES - len(tail)) + tail
        if name not in taken:
            return name
    return name


def _words(spec: IndexSpec, position: int) -> str:
    key = spec.columns[position]
    if not spec.is_computed(position):
        return key
    stream = list(significant(key))
    before = ["", *(token.text for token in stream)]
    names = [
        identifier(token) if token.kind != "string" else "".join(filter(str.isalnum, token.text))
        for token, ahead in zip(stream, before, strict=False)
        if token.kind in ("word", "quoted", "string") and ahead != "::"
    ]
    return "_".join(filter(None, names))


def _cut(text: str, size: int) -> str:
    """The longest beginning of `text` that is at most `size` bytes and ends between two characters."""
    return text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore")
