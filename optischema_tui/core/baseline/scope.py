"""Whose times tell whether a change helped: the statements it names, those of its table, or all of the target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from optischema_tui.core.advise.judge.writes import targets
from optischema_tui.core.models import WindowStats
from optischema_tui.core.workload.filter import OURS, classify
from optischema_tui.core.workload.lexer import identifier, significant

MOST = 40
"""Statements that are looked at one by one, the heaviest."""
LEAST_SHARE = 0.002
"""Of the time of all statements, for one that the change does not name."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a change can have had an effect on."""

    queryids: tuple[int, ...] = ()
    """Statements that it was made for."""
    schema: str = ""
    table: str = ""
    """The table whose writes it may have made dearer; empty for none."""
    whole_table: bool = False
    """All statements that name the table."""
    whole_target: bool = False

    @property
    def empty(self) -> bool:
        return not (self.queryids or self.whole_target or (self.whole_table and self.table))


@dataclass(frozen=True, slots=True)
class Chosen:
    """Statements of a scope, each once, in order of importance; `writes` are those that write the table."""

    queryids: tuple[int, ...]
    writes: frozenset[int]


def choose(scope: Scope, window: Sequence[WindowStats]) -> Chosen:
    """The scope's statements among those of the time before the change (heaviest first, all users together), without
    the program's own: how often they come depends on who looks, and a quiet target has little else."""
    texts: dict[int, str] = {}
    times: dict[int, float] = {}
    for stats in window:
        times[stats.key.queryid] = times.get(stats.key.queryid, 0.0) + stats.exec_time
        if stats.text:
            texts.setdefault(stats.key.queryid, stats.text)
    heavy = LEAST_SHARE * sum(times.values())
    writes = [queryid for queryid, text in texts.items() if scope.table and writes_table(text, scope)]
    others = [
        queryid
        for queryid, time in times.items()
        if time >= heavy
        and classify(texts.get(queryid, "")) != OURS
        and (scope.whole_target or (scope.whole_table and mentions_table(texts.get(queryid, ""), scope)))
    ]
    found = dict.fromkeys((*scope.queryids, *sorted(others, key=lambda queryid: -times[queryid])[:MOST]))
    kept = sorted(writes, key=lambda queryid: (-times[queryid], queryid))[:MOST]
    return Chosen(tuple(dict.fromkeys((*found, *kept))), frozenset(writes))


def writes_table(text: str, scope: Scope) -> bool:
    """Whether the statement's text names the table as the target of INSERT, UPDATE, DELETE, MERGE or COPY FROM.

    By its text alone: a name without a schema is taken for the table of that name; writes by triggers, foreign keys
    and functions are in the text of none.
    """
    if scope.table.lower() not in text.lower():
        return False
    return any(one.table == scope.table and one.schema in ("", scope.schema) for one in targets(text))


def mentions_table(text: str, scope: Scope) -> bool:
    """Whether the table's name stands in the text as a name of its own, or behind its schema's. A table that is reached
    through a view is not found."""
    if scope.table.lower() not in text.lower():
        return False
    stream = list(significant(text))
    for place, token in enumerate(stream):
        if token.kind not in ("word", "quoted") or identifier(token) != scope.table:
            continue
        if place < 2 or stream[place - 1].text != ".":
            return True
        if identifier(stream[place - 2]) == scope.schema:
            return True
    return False
