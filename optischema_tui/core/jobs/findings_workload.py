"""What the workload rules are given: a window of history, samples of sessions, and the target's indexed columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import replace

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.errors import UsageError
from optischema_tui.core.findings.workload.facts import Facts, LeadingColumn, Seen
from optischema_tui.core.findings.workload.n_plus_one import is_child, is_parent
from optischema_tui.core.history.store import History
from optischema_tui.core.models import ActivitySample, StatementKey, StatementSample, StatementText, WindowStats
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.rows import ask
from optischema_tui.core.target.session import reading
from optischema_tui.core.target.spec import TargetSpec
from optischema_tui.core.workload.filter import classify, of_provider

HOURS = 24.0
SAMPLE_HOURS = 2.0
"""As long as samples of each second are kept."""
INTERVAL_HOURS = 6.0
MOST_STATEMENTS = 2000
"""The heaviest by time: what comes after them costs nothing that is worth a finding."""
MOST_CHILDREN = 20
MOST_PARENTS = 100
_MINUTE = 60


def gather_workload(
    paths: Paths, spec: TargetSpec, fingerprint: str, *, hours: float = HOURS, clock: Clock = SYSTEM
) -> Facts:
    """The last `hours` of history, of the statements of the connected database.

    Raises UsageError when history has no interval of then, StorageError, and TargetError and its kinds when the target
    cannot be asked for its indexes.
    """
    with closing(History.open(paths.history_db, clock=clock)) as history:
        facts = _from_history(history, fingerprint, hours, clock.wall())
    with reading(spec) as connection:
        leading = tuple(
            LeadingColumn(row["schema"], row["table"], row["column"], row["type"], row["index"], row["pages"],
                          row["computed"])
            for row in ask(connection, "leading_columns")
        )  # fmt: skip
    return replace(facts, leading=leading)


def _from_history(history: History, fingerprint: str, hours: float, end: float) -> Facts:
    points = history.series(fingerprint, end - hours * 3600, end)
    window = history.window(fingerprint, end - hours * 3600, end)
    if len(points) < 2:
        raise UsageError(
            f"History has too little of the last {hours:g} hours of this target",
            "What is done with a server is judged by what was seen",
            "Leave the program or its recorder running for a while",
        )
    snapshot = history.last_snapshot(fingerprint)
    if snapshot is not None:
        window = tuple(each for each in window if each.key.dbid == snapshot.target.database_oid)
    texts = history.texts(fingerprint, [each.key for each in window])
    samples = snapshot.statements if snapshot else ()
    facts = Facts(
        target=fingerprint,
        # The first interval begins before its point; the rates are then too low by one interval, never too high.
        since=points[0].at - (points[1].at - points[0].at),
        until=points[-1].at,
        statements=statements_of(window, texts, _planning(samples)),
        samples=_of_database(
            history.activity_between(fingerprint, end - SAMPLE_HOURS * 3600, end),
            snapshot.target.database if snapshot else "",
        ),
    )
    return _with_intervals(history, facts)


def _of_database(samples: Iterable[ActivitySample], database: str) -> tuple[ActivitySample, ...]:
    """Without the sessions of other databases, which are findings of those; all where the name is not known."""
    return tuple(
        replace(sample, sessions=tuple(each for each in sample.sessions if each.database in ("", database)))
        if database
        else sample
        for sample in samples
    )


def statements_of(
    window: Iterable[WindowStats], texts: Mapping[StatementKey, StatementText], planning: Mapping[int, float]
) -> tuple[Seen, ...]:
    """One for each queryid, the heaviest first. Nested statements are left out, for their time is in their callers, and
    so are our own, those of the catalog alone, of maintenance and of the managed service: no application sends them."""
    parts: dict[int, list[WindowStats]] = {}
    for each in window:
        known = texts.get(each.key)
        if each.key.toplevel and not classify(each.text) and not (known and of_provider(known.role, known.database)):
            parts.setdefault(each.key.queryid, []).append(each)
    found = []
    for queryid, users in parts.items():
        roles: Counter[str] = Counter()
        for each in users:
            known = texts.get(each.key)
            roles[(known.role if known else "") or f"oid {each.key.userid}"] += each.calls
        found.append(
            Seen(
                queryid=queryid,
                text=next((each.text for each in users if each.text), ""),
                calls=sum(each.calls for each in users),
                exec_time=sum(each.exec_time for each in users),
                rows=sum(each.rows for each in users),
                shared_blks=sum(each.shared_blks for each in users),
                temp_blks=sum(each.temp_blks for each in users),
                roles=tuple(sorted(roles.items(), key=lambda pair: (-pair[1], pair[0]))),
                plan_ms=planning.get(queryid),
            )
        )
    return tuple(sorted(found, key=lambda each: (-each.exec_time, each.queryid))[:MOST_STATEMENTS])


def _planning(samples: Iterable[StatementSample]) -> dict[int, float]:
    """ms of planning for each call, by queryid, where the server counts plans at all. A prepared statement is planned
    less often than it is called."""
    times: Counter[int] = Counter()
    calls: Counter[int] = Counter()
    sums: dict[int, float] = {}
    for sample in samples:
        if sample.plans and sample.key.toplevel:
            times[sample.key.queryid] += sample.plans
            calls[sample.key.queryid] += sample.calls
            sums[sample.key.queryid] = sums.get(sample.key.queryid, 0.0) + sample.total_plan_time
    return {queryid: sums[queryid] / max(1, calls[queryid]) for queryid in times}


def _with_intervals(history: History, facts: Facts) -> Facts:
    """The stored intervals of the statements that may be one side of an N+1 pattern."""
    children = [each for each in facts.statements if is_child(facts, each)]
    children = sorted(children, key=lambda each: (-each.calls, each.queryid))[:MOST_CHILDREN]
    parents = [
        each.queryid for each in facts.statements if any(is_parent(child, each) for child in children)
    ][:MOST_PARENTS]  # fmt: skip
    if not parents:
        return facts
    wanted = {*parents, *(each.queryid for each in children)}
    since = max(facts.since, facts.until - INTERVAL_HOURS * 3600)
    intervals = history.intervals(facts.target, wanted, since, facts.until, _MINUTE)
    return replace(
        facts,
        statements=tuple(
            replace(each, intervals=tuple(intervals.get(each.queryid, ()))) for each in facts.statements
        ),
    )  # fmt: skip
