"""A statement of a picture as JSON values and as a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from optischema_tui.core.clock import iso, local_stamp
from optischema_tui.core.models import Picture, QueryRow
from optischema_tui.core.safe_text import clean, one_line
from optischema_tui.twins.table import milliseconds, percent, table


def row_json(row: QueryRow) -> dict[str, Any]:
    return {
        "queryid": str(row.key.queryid),
        "userid": row.key.userid,
        "dbid": row.key.dbid,
        "toplevel": row.key.toplevel,
        "role": clean(row.role),
        "database": clean(row.database),
        "query": clean(row.text),
        "calls": row.calls,
        "total_exec_time_ms": row.total_exec_time,
        "mean_exec_time_ms": row.mean_exec_time,
        "min_exec_time_ms": row.min_exec_time,
        "max_exec_time_ms": row.max_exec_time,
        "stddev_exec_time_ms": row.stddev_exec_time,
        "rows_per_call": row.rows_per_call,
        "hit_ratio": row.hit_ratio,
        "temp_blks_per_call": row.temp_blks_per_call,
        "wal_bytes_per_call": row.wal_bytes_per_call,
        "share": row.share,
        "score": row.score,
        "interval_calls": row.interval_calls,
        "interval_time_ms": row.interval_time,
        "interval_mean_ms": row.interval_mean,
        "lower_bound": row.lower_bound,
    }


def picture_json(picture: Picture, limit: int) -> dict[str, Any]:
    kpis = picture.kpis
    return {
        "target": clean(picture.target.label or picture.target.database),
        "fingerprint": picture.target.fingerprint,
        "taken_at": picture.taken_at,
        "seconds": picture.seconds,
        "kpis": {
            "active": kpis.active,
            "connections": kpis.connections,
            "max_connections": kpis.max_connections,
            "hit_ratio": kpis.hit_ratio,
            "tps": kpis.tps,
            "db_time": kpis.db_time,
            "mean_latency_ms": kpis.mean_latency,
        },
        "statements": [row_json(row) for row in picture.rows[:limit]],
        "statements_total": len(picture.rows),
        "hidden": [{"reason": h.reason, "statements": h.statements, "share": h.share} for h in picture.hidden],
        "unreadable": picture.unreadable,
        "notices": list(picture.notices),
    }


def picture_text(picture: Picture, limit: int) -> str:
    span = f"the last {picture.seconds:.0f} s" if picture.seconds else "all since the last reset"
    if picture.past:
        span = f"the {picture.seconds or 0:.0f} s up to {local_stamp(picture.taken_at)} ({iso(picture.taken_at)})"
    kpis = picture.kpis
    most = f"/{kpis.max_connections}" if kpis.max_connections is not None else ""
    lines = [
        f"{picture.target.label or picture.target.database}: {span}",
        f"active {_known(kpis.active)}   connections {_known(kpis.connections)}{most}   "
        f"cache hits {percent(kpis.hit_ratio)}   TPS {_known(kpis.tps)}   database time {_known(kpis.db_time)} s/s",
        "",
        statements_table(picture.rows[:limit]) if picture.rows else "no statement in this span",
    ]
    hidden = ", ".join(f"{h.statements} {h.reason} ({percent(h.share)} of time)" for h in picture.hidden)
    if hidden:
        lines += ["", f"hidden: {hidden}"]
    if picture.unreadable:
        lines += [
            "",
            f"{picture.unreadable} statements of other roles cannot be read: GRANT pg_read_all_stats TO this role",
        ]
    return "\n".join([*lines, *picture.notices])


def statements_table(rows: Sequence[QueryRow]) -> str:
    return table(
        ("share", "score", "calls", "mean", "lifetime mean", "rows/call", "hits", "queryid", "query"),
        [
            (
                percent(row.share),
                str(row.score),
                str(row.calls if row.interval_calls is None else row.interval_calls),
                milliseconds(row.mean_exec_time if row.interval_mean is None else row.interval_mean),
                milliseconds(row.mean_exec_time),
                f"{row.rows_per_call:.1f}",
                percent(row.hit_ratio),
                str(row.key.queryid),
                one_line(row.text, 90) or "(text not readable)",
            )
            for row in rows
        ],
        right=(0, 1, 2, 3, 4, 5, 6, 7),
    )


def _known(value: float | None) -> str:
    if value is None:
        return "-"
    return str(value) if isinstance(value, int) else f"{value:.2f}"
