"""What must be done to a kept lab so that it becomes that of another image, and when nothing but a new one will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from optischema_tui.core.lab.contents import About, Contents, Note, Piece, digest
from optischema_tui.core.lab.ddl import Statement
from optischema_tui.core.lab.image import BLOCK_SIZE, Image

_LATER = ("index", "foreign key", "statistics")
"""Kinds that may join a table that exists. The planner takes indexes and statistics in the order of their making, so a
new one must be the last of its kind, as it would be in a new lab."""
_GROWN = 0.1
_GROWN_PAGES = 100
"""A relation's size has moved when it did so by this share and by this many pages."""
_TOLD = 3


@dataclass(slots=True)
class Difference:
    """The way from one lab to another. `rebuild`: why there is none."""

    rebuild: str = ""
    settings: bool = False
    drops: list[str] = field(default_factory=list)
    adds: list[Statement] = field(default_factory=list)
    columns: set[About] = field(default_factory=set)
    relations: set[About] = field(default_factory=set)
    extended: set[About] = field(default_factory=set)

    def __bool__(self) -> bool:
        return bool(
            self.rebuild or self.settings or self.drops or self.adds or self.columns or self.relations or self.extended
        )

    @property
    def schema(self) -> bool:
        return bool(self.drops or self.adds)


def compare(kept: Note, now: Contents) -> Difference:
    """The way from a kept lab to that of `now`."""
    new = now.note()
    difference = Difference(settings=kept.settings != new.settings)
    if kept.ground != new.ground:
        return Difference(rebuild="schemas, extensions, types, functions or views changed")
    touched = _compare_schema(kept, new, now, difference)
    if difference.schema and any(phase == "schema" for phase, _, _ in kept.failed):
        return Difference(rebuild="the schema changed, and parts of it could not be modelled")
    if difference.rebuild:
        return Difference(rebuild=difference.rebuild)
    difference.columns = _changed(kept.columns, new.columns)
    difference.relations = _changed(kept.relations, new.relations)
    difference.extended = _changed(kept.extended, new.extended)
    if touched:
        # CREATE INDEX counts its table's rows, and an index made anew under its name has no statistics yet.
        about = touched | {index for index, table in now.owners.items() if table in touched}
        difference.columns |= about & new.columns.keys()
        difference.relations |= about & new.relations.keys()
        difference.extended |= {
            (one.schema, one.name)
            for one in now.image.extended
            if (now.image.relations[one.relation].schema, now.image.relations[one.relation].name) in touched
        }
    return difference


def stale(before: Image, now: Image) -> str:
    """Why a lab of `before` no longer stands for `now`; empty when it does. Sizes may move a little."""
    extensions = {extension.name for extension in (*before.extensions, *now.extensions)}
    old = Contents(before, extensions).note()
    difference = compare(old, Contents(now, extensions))
    if difference.rebuild:
        return difference.rebuild
    reasons = []
    if difference.schema:
        reasons.append(f"the schema changed ({_some(s.what for s in difference.adds) or 'something was dropped'})")
    if difference.settings:
        reasons.append("planner settings changed")
    if difference.columns or difference.extended:
        reasons.append(f"statistics were renewed ({_some(_name(a) for a in difference.columns | difference.extended)})")
    moved = [_name((r.schema, r.name)) for oid, r in now.relations.items() if _moved(before, oid, r.size_bytes)]
    if moved:
        reasons.append(f"sizes changed ({_some(moved)})")
    return "; ".join(reasons)


def _compare_schema(kept: Note, new: Note, now: Contents, difference: Difference) -> set[About]:
    """Fill in drops and adds, or `rebuild`. Returns the tables that exist on both sides and change."""
    touched = set()
    wanted: dict[About, set[str]] = {}
    for about, pieces in new.schema.items():
        before = kept.schema.get(about)
        if before is None:
            wanted[about] = {piece.digest for piece in pieces}
        elif before != pieces:
            old, digests = {piece.digest for piece in before}, {piece.digest for piece in pieces}
            removed = [piece for piece in before if piece.digest not in digests]
            wanted[about] = digests - old
            if not _can_follow(before, pieces, removed, old):
                difference.rebuild = f"{_name(about)} changed"
                return set()
            difference.drops += [piece.drop for piece in removed]
            touched.add(about)
    for about, pieces in kept.schema.items():
        if about not in new.schema:
            if not pieces[0].drop or pieces[0].kind != "table":
                difference.rebuild = f"{_name(about)} is gone"
                return set()
            difference.drops.append(pieces[0].drop)
    difference.drops.reverse()
    if wanted:
        difference.adds = [s for s in now.schema if s.about in wanted and digest(s.sql) in wanted[s.about]]
    return touched


def _can_follow(before: tuple[Piece, ...], after: tuple[Piece, ...], removed: list[Piece], old: set[str]) -> bool:
    """Does the table become what it would be in a new lab, order of its indexes and statistics included?"""
    if any(piece.kind not in ("index", "statistics") or not piece.drop for piece in removed):
        return False
    added = [piece for piece in after if piece.digest not in old]
    attached = any(piece.kind == "attachment" for piece in before)
    if any(piece.kind not in _LATER or (piece.kind == "index" and attached) for piece in added):
        return False
    gone = {piece.digest for piece in removed}
    for kind in {piece.kind for piece in after}:
        kept = [piece for piece in before if piece.kind == kind and piece.digest not in gone]
        if [piece for piece in after if piece.kind == kind][: len(kept)] != kept:
            return False
    return True


def _changed(old: Mapping[About, str], new: Mapping[About, str]) -> set[About]:
    return {about for about in old.keys() | new.keys() if old.get(about) != new.get(about)}


def _moved(before: Image, oid: int, size: int) -> bool:
    known = before.relations.get(oid)
    pages = abs(size - known.size_bytes) // BLOCK_SIZE if known else 0
    return known is not None and pages > _GROWN_PAGES and pages * BLOCK_SIZE > _GROWN * known.size_bytes


def _name(about: About) -> str:
    return ".".join(about)


def _some(names: Iterable[str]) -> str:
    known = sorted(set(names))
    return ", ".join(known[:_TOLD]) + (f" and {len(known) - _TOLD} more" if len(known) > _TOLD else "")
