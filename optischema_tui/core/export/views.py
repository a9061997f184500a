"""What the commands show, as tables. Query texts are normalised ones: no literal leaves the machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from optischema_tui.core.audit.search import gist_of, subject_of, users_of
from optischema_tui.core.export.table import Column, Kind, Table, table_of, table_of_dicts
from optischema_tui.core.history.privacy import query_head, storable
from optischema_tui.core.models import (
    ActivitySample,
    AuditEntry,
    Baseline,
    Change,
    Picture,
    Reading,
    Recommendation,
    TargetIdentity,
)
from optischema_tui.core.workload.epoch import interval_seconds
from optischema_tui.core.workload.literals import is_normalised
from optischema_tui.core.workload.rates import rates, totals

NUMBER, SHARE, MOMENT, FLAG = Kind.NUMBER, Kind.SHARE, Kind.MOMENT, Kind.FLAG

_TOP = (
    Column("queryid"), Column("role"), Column("database"), Column("calls", NUMBER),
    Column("total_exec_time_ms", NUMBER, "ms", "total"), Column("mean_exec_time_ms", NUMBER, "ms", "mean"),
    Column("min_exec_time_ms", NUMBER, "ms", "min"), Column("max_exec_time_ms", NUMBER, "ms", "max"),
    Column("stddev_exec_time_ms", NUMBER, "ms", "spread"), Column("rows_per_call", NUMBER),
    Column("hit_ratio", SHARE), Column("temp_blks_per_call", NUMBER, "blocks"),
    Column("wal_bytes_per_call", NUMBER, "bytes"), Column("share", SHARE), Column("score", NUMBER),
    Column("interval_calls", NUMBER), Column("interval_time_ms", NUMBER, "ms"),
    Column("interval_mean_ms", NUMBER, "ms"), Column("lower_bound", FLAG), Column("query"),
)  # fmt: skip
_SESSION = (
    Column("pid", Kind.ID), Column("backend_type"), Column("database"), Column("role"), Column("application"),
    Column("client"), Column("state"), Column("wait_class"), Column("wait_event"),
    Column("xact_seconds", NUMBER, "s"), Column("query_seconds", NUMBER, "s"), Column("blocked_by"),
    Column("queryid"), Column("query"),
)  # fmt: skip
_CHANGE = (
    Column("id"), Column("state"), Column("kind"), Column("title"), Column("subject"), Column("approved_by"),
    Column("approved_at", MOMENT), Column("updated_at", MOMENT), Column("verdict"), Column("rolls_back"),
    Column("sql"), Column("inverse_sql"),
)  # fmt: skip
_BASELINE = (
    Column("name"), Column("since", MOMENT), Column("until", MOMENT), Column("created_at", MOMENT),
    Column("statements", NUMBER), Column("planned", NUMBER), Column("change_id"), Column("no_plans"),
)  # fmt: skip
_AUDIT = (
    Column("seq", Kind.ID), Column("at", MOMENT), Column("who"), Column("event"), Column("change_id"),
    Column("about"), Column("what"), Column("hash"),
)  # fmt: skip


def shape_of(text: str) -> str:
    """A statement's text as the server normalised it; of one whose literals the server keeps (COPY, ALTER ROLE ..) the
    command alone."""
    return storable(text) if is_normalised(text) else query_head(text)


def label_of(identity: TargetIdentity) -> str:
    return identity.label or identity.database


def top_table(picture: Picture, limit: int | None = None) -> Table:
    rows = picture.rows[:limit]
    notes = [f"{h.statements} {h.reason} ({h.share:.1%} of the time) are not in it." for h in picture.hidden]
    if len(picture.rows) > len(rows):
        notes.append(f"The first {len(rows)} of {len(picture.rows)} statements.")
    if picture.unreadable:
        notes.append(f"{picture.unreadable} statements of other roles cannot be read by this role.")
    values = (
        (
            str(row.key.queryid), row.role, row.database, row.calls, row.total_exec_time, row.mean_exec_time,
            row.min_exec_time, row.max_exec_time, row.stddev_exec_time, row.rows_per_call, row.hit_ratio,
            row.temp_blks_per_call, row.wal_bytes_per_call, row.share, row.score, row.interval_calls,
            row.interval_time, row.interval_mean, row.lower_bound, shape_of(row.text),
        )
        for row in rows
    )  # fmt: skip
    title = f"Top statements of {label_of(picture.target)}"
    return table_of("top", title, _TOP, values, [*notes, *picture.notices], "No statement ran in this span.")


def activity_table(identity: TargetIdentity, sample: ActivitySample | None) -> Table:
    title = f"Sessions of {label_of(identity)} that are not idle"
    if sample is None:
        return table_of("activity", title, _SESSION, (), (), "No sessions are stored of that moment.")
    notes = [f"{sample.idle} idle of {sample.total} clients."]
    if sample.hidden:
        notes.append(f"{sample.hidden} sessions are hidden from this role: GRANT pg_monitor shows them.")
    if sample.left_out:
        notes.append(f"{sample.left_out} more sessions were beyond the bound of one sample.")
    values = (
        (
            one.pid, one.backend_type, one.database, one.role, one.application, one.client, one.state, one.wait_type,
            one.wait_event, one.xact_seconds, one.query_seconds, one.blocked_by,
            None if one.queryid is None else str(one.queryid), query_head(one.query),
        )
        for one in sample.sessions
    )  # fmt: skip
    return table_of("activity", title, _SESSION, values, notes, "Every session was idle.")


def family_table(identity: TargetIdentity, reading: Reading, before: Reading | None, limit: int | None = None) -> Table:
    """A query family: counters per second where there is an earlier reading of its epoch, else since they began."""
    rows = totals(reading) if before is None else rates(before, reading)
    over = "counters since they began"
    if before is not None:
        over = f"counters per second over {interval_seconds(before, reading):.0f} s"
    kept = rows[:limit]
    notes = [over[:1].upper() + over[1:] + "."]
    if len(kept) < len(rows) + reading.left_out:
        notes.append(f"The first {len(kept)} of {len(rows) + reading.left_out}.")
    if reading.lacking:
        notes.append(f"Not on this server: {', '.join(reading.lacking)}.")
    if reading.problem:
        notes.append(reading.problem)
    shaped = [row | {"query": query_head(row["query"])} if isinstance(row.get("query"), str) else row for row in kept]
    title = f"{reading.family[:1].upper()}{reading.family[1:]} of {label_of(identity)}"
    return table_of_dicts(reading.family, title, shaped, notes)


def changes_table(changes: Iterable[Change], waiting: Iterable[Recommendation] = (), title: str = "Changes") -> Table:
    rows: list[Sequence[object]] = [
        (
            rec.id, "proposed", rec.kind, rec.title, rec.index_name, None, None, None, None, None, rec.forward_sql,
            rec.inverse_sql,
        )
        for rec in waiting
    ]  # fmt: skip
    rows += [
        (
            one.id, f"{one.state}, {one.waits_for}" if one.waits_for else str(one.state), one.kind, one.title,
            one.subject, one.approved_by or None, one.approved_at or None, one.updated_at or None,
            one.detail.get("verdict") or one.detail.get("error") or None, one.rolls_back or None, one.forward_sql,
            one.inverse_sql,
        )
        for one in changes
    ]  # fmt: skip
    return table_of("changes", title, _CHANGE, rows, (), "Nothing is proposed and nothing was changed.")


def baselines_table(found: Iterable[Baseline]) -> Table:
    rows = (
        (
            one.name, one.since, one.until, one.created_at, len(one.statements),
            sum(1 for plan in one.plans if plan.document), one.change_id or None, one.no_plans or None,
        )
        for one in found
    )  # fmt: skip
    return table_of("baselines", "Baselines", _BASELINE, rows, (), "There is no baseline yet.")


def audit_table(entries: Iterable[AuditEntry]) -> Table:
    rows = (
        (
            one.seq, one.at, next(iter(users_of(one)), ""), one.event, one.change_id, subject_of(one), gist_of(one),
            one.hash,
        )
        for one in entries
    )  # fmt: skip
    notes = ["The journal is one for all targets; `audit export` gives it in the form that can be verified."]
    return table_of("audit", "Audit journal", _AUDIT, rows, notes, "The journal is empty.")
