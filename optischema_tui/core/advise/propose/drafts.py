"""The indexes that could serve one use of a table, of every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from optischema_tui.core.advise.propose.covering import appended, covering, has_btree, narrow
from optischema_tui.core.advise.propose.draft import Draft, plain
from optischema_tui.core.advise.propose.existing import widened
from optischema_tui.core.advise.propose.keys import leading, single, structured
from optischema_tui.core.advise.propose.partial import Predicate, predicates
from optischema_tui.core.advise.propose.special import special
from optischema_tui.core.advise.propose.view import View
from optischema_tui.core.advise.reading.use import Key, Use
from optischema_tui.core.models import CatalogFacts

MAX_PER_USE = 24
MAX_PLAIN_PER_USE = 120
_MAX_STRUCTURED = 8
_MAX_COVERING = 3
_MAX_PER_PREDICATE = 3


@dataclass(frozen=True, slots=True)
class Drafted:
    draft: Draft
    share: float = 1.0
    """0-1 of the rows that its predicate keeps."""


def drafted(
    use: Use, facts: CatalogFacts, fixed: frozenset[str] | None, *, max_width: int, plain_only: bool
) -> tuple[Drafted, ...]:
    """The likeliest first, without repeats, at most MAX_PER_USE (MAX_PLAIN_PER_USE with `plain_only`).

    `fixed`: texts of the conditions that are the same in every call; None where that is not known.
    """
    view = View(use)
    if plain_only:
        found = (Drafted(draft) for draft in _plain(view, max_width))
        return tuple(islice(dict.fromkeys(found), MAX_PLAIN_PER_USE))
    unique: dict[tuple[object, ...], Drafted] = {}
    for each in _rich(view, facts, fixed, max_width):
        draft = each.draft
        unique.setdefault((draft.parts, draft.include, draft.predicate, draft.method), each)
    return tuple(islice(unique.values(), MAX_PER_USE))


def _plain(view: View, width: int) -> Iterator[Draft]:
    keyed = [
        each
        for each in (*structured(view, width), *single(view), *leading(view, width))
        if not any(part.key.computed or part.opclass for part in each.parts)
    ]
    yield from keyed
    yield from appended(view, keyed, width)
    whole = narrow(view, min(width, 3))
    if whole is not None:
        yield whole


def _rich(view: View, facts: CatalogFacts, fixed: frozenset[str] | None, width: int) -> Iterator[Drafted]:
    main = list(islice(_distinct(structured(view, width)), _MAX_STRUCTURED)) or list(
        islice(single(view), _MAX_COVERING)
    )
    yield from map(Drafted, main[:_MAX_COVERING])
    for predicate in predicates(view.use, fixed):
        yield from partial(view.use, predicate, width)
    yield from map(Drafted, special(view, facts))
    for draft in main[:_MAX_COVERING]:
        wider = covering(view, draft)
        if wider is not None:
            yield Drafted(wider)
    yield from map(Drafted, main[_MAX_COVERING:])
    yield from map(Drafted, widened(view, width))
    yield from map(Drafted, single(view))
    whole = narrow(view, width) if not main else None
    if whole is not None:
        yield Drafted(whole)
    yield from map(Drafted, leading(view, width))


def partial(use: Use, predicate: Predicate, width: int) -> Iterator[Drafted]:
    """The rest of the use's conditions as keys; where nothing is left, some narrow key."""
    view = View(use, frozenset(predicate.texts))
    keyed = list(islice(_distinct((*structured(view, width), *single(view))), _MAX_PER_PREDICATE)) or _any_key(view)
    for draft in keyed:
        narrowed = Draft(draft.parts, draft.include, predicate.texts, reasons=(*draft.reasons, predicate.reason()))
        yield Drafted(narrowed, predicate.share)
        wider = covering(view, narrowed)
        if wider is not None and draft is keyed[0]:
            yield Drafted(wider, predicate.share)


def _any_key(view: View) -> list[Draft]:
    """The primary key's first column, else the narrowest that is never NULL."""
    primary = next((index.columns[0] for index in view.table.indexes if index.primary), "")
    able = [column for column in view.table.columns if has_btree(view.table, column.name)]
    narrowest = min(able, key=lambda column: (not column.not_null, column.avg_width, column.name), default=None)
    name = primary or (narrowest.name if narrowest is not None else "")
    if not name:
        return []
    return [Draft(plain([Key(name)]), reasons=(f"{name} is a small key: the index is for its few rows.",))]


def _distinct(drafts: Iterator[Draft] | tuple[Draft, ...]) -> Iterator[Draft]:
    seen: set[object] = set()
    for draft in drafts:
        if draft.parts not in seen:
            seen.add(draft.parts)
            yield draft
