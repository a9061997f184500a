"""Whether the description of an index is one that may become SQL: every part of it that is not a quoted name."""

from __future__ import annotations

import re

from optischema_tui.core.change.expression import Names, names_in, unsafe
from optischema_tui.core.models import IndexSpec
from optischema_tui.core.safe_text import one_line

METHODS = ("btree", "hash", "gin", "gist", "brin")
_OPCLASS = re.compile(r'(?:(?:[a-z_][a-z0-9_]{0,62}|"(?:[^"\x00]|""){1,62}")\.)?[a-z_][a-z0-9_]{0,62}')
_OPTION = re.compile(r"[a-z_]{1,40}")
_VALUE = re.compile(r"[A-Za-z0-9_.+-]{1,40}")
_MOST_KEYS = 32


def shape_problem(spec: IndexSpec) -> str:
    """Why no SQL is made of `spec`, a sentence without a stop; empty when it may be."""
    keys = len(spec.columns)
    per_key = (spec.descending, spec.computed, spec.opclasses, spec.nulls)
    if not 0 < keys + len(spec.include) <= _MOST_KEYS or not keys:
        return f"An index has between 1 and {_MOST_KEYS} columns"
    if any(len(part) not in (0, keys) for part in per_key):
        return "Its parts do not fit its keys in number"
    return _words(spec) or _method(spec) or _options(spec) or _expressions(spec)


def names_of(spec: IndexSpec) -> Names:
    """What its keys and its condition call by name."""
    found = names_in(spec.predicate) if spec.predicate else Names()
    for position, text in enumerate(spec.columns):
        found |= names_in(text) if spec.is_computed(position) else Names()
    return found


def _words(spec: IndexSpec) -> str:
    if spec.method not in METHODS:
        return f"{one_line(spec.method, 40)} is not an index method that is built here"
    for opclass in filter(None, spec.opclasses):
        if not _OPCLASS.fullmatch(opclass):
            return f"{one_line(opclass, 60)} is not the name of an operator class"
    if any(word not in ("", "FIRST", "LAST") for word in spec.nulls):
        return "The place of its NULLs is neither FIRST nor LAST"
    return ""


def _method(spec: IndexSpec) -> str:
    ordered = any(spec.descending) or any(spec.nulls)
    if spec.method != "btree" and ordered:
        return f"A {spec.method} index keeps no order"
    if spec.method == "hash" and len(spec.columns) > 1:
        return "A hash index has one key"
    if spec.include and spec.method not in ("btree", "gist"):
        return f"A {spec.method} index cannot include columns"
    return ""


def _options(spec: IndexSpec) -> str:
    for name, value in spec.options:
        if not _OPTION.fullmatch(name) or not _VALUE.fullmatch(value):
            return f"{one_line(name, 40)} = {one_line(value, 40)} is not a storage parameter with its value"
    if len({name for name, _ in spec.options}) < len(spec.options):
        return "A storage parameter stands there twice"
    if "\x00" in spec.tablespace:
        return "The name of its tablespace holds a NUL byte"
    if spec.unique and spec.method != "btree":
        return f"A {spec.method} index cannot be unique"
    return "NULLS NOT DISTINCT is for a unique index" if spec.nulls_not_distinct and not spec.unique else ""


def _expressions(spec: IndexSpec) -> str:
    for position, text in enumerate(spec.columns):
        if spec.is_computed(position) and (reason := unsafe(text, enclosed=True)):
            return f"The key {one_line(text, 80)} is not accepted: {reason}"
    if spec.predicate and (reason := unsafe(spec.predicate)):
        return f"The condition {one_line(spec.predicate, 80)} is not accepted: {reason}"
    return ""
