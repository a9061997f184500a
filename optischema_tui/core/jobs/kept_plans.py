"""The plans that statements have now, taken to be looked at later."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.collect.texts import TEXT_CHARACTERS
from optischema_tui.core.errors import OptischemaError
from optischema_tui.core.models import KeptPlan, WindowStats
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.target.explain_each import explain_each
from optischema_tui.core.target.session import identify, reading
from optischema_tui.core.target.spec import TargetSpec

MOST = 20
"""Statements whose plans are kept, the heaviest."""
SECONDS = 2.0
"""For all of them, the connection apart."""


def take_plans(
    spec: TargetSpec | None, statements: Sequence[WindowStats], first: Iterable[int] = (), *, clock: Clock = SYSTEM
) -> tuple[tuple[KeptPlan, ...], str]:
    """The target's own plans of `statements` (heaviest first), those with the queryids `first` before all others; and
    why there are none, one sentence, else ''. Never raises for a server that cannot be asked: figures count without
    plans too. Texts are planned as history keeps them, with `$n` in place of literals; those of other databases and
    those kept in part are left out.
    """
    if spec is None:
        return (), "They were not asked for"
    try:
        with reading(spec) as session:
            wanted = _wanted(statements, first, identify(session).database_oid)
            found = explain_each(session, list(wanted.values()), SECONDS, clock)
    except OptischemaError as error:
        return (), one_line(error.sentence, 300)
    at = clock.wall()
    plans = tuple(
        KeptPlan(queryid, at, json.dumps(document, separators=(",", ":")) if document is not None else "", why)
        for queryid, (document, why) in zip(wanted, found, strict=True)
    )
    return plans, "" if plans else "No statement of this database is known with its whole text"


def _wanted(statements: Sequence[WindowStats], first: Iterable[int], database_oid: int) -> dict[int, str]:
    """Queryid -> text, the most wanted first."""
    texts: dict[int, str] = {}
    for each in statements:
        if each.key.dbid == database_oid and each.key.queryid and 0 < len(each.text) < TEXT_CHARACTERS:
            texts.setdefault(each.key.queryid, each.text)
    order = [*(queryid for queryid in first if queryid in texts), *texts]
    return {queryid: texts[queryid] for queryid in list(dict.fromkeys(order))[:MOST]}
