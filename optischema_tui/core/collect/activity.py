"""All sessions of the server at one moment, cheaply enough to be asked each second."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optischema_tui.core.clock import Clock
from optischema_tui.core.collect.statements import PACKAGE
from optischema_tui.core.models import Activity, ActivitySample, Session
from optischema_tui.core.target.encodings import decode
from optischema_tui.core.target.observer import Observer
from optischema_tui.core.target.sql import load

NAME, TITLE = "activity", "Sessions"
SECONDS = 1.0
TIMEOUT = 4.0
MOST_LISTED = 200
HEAD_BYTES = 200
"""Of a query text."""
_QUERYID_SINCE = 140000


@dataclass(frozen=True, slots=True)
class Moment:
    sample: ActivitySample
    counts: Activity
    """The same moment as numbers, exact also when not every session was listed."""


async def sample_activity(
    observer: Observer, version_num: int, own: Sequence[int], clock: Clock, max_connections: int = 0
) -> Moment:
    """The sessions of now without `own`, our process ids. Raises what `Observer.fetch` raises."""
    queryid = "query_id" if version_num >= _QUERYID_SINCE else "NULL::int8"
    sql = load(PACKAGE, "activity").replace("{queryid}", queryid)
    rows = await observer.fetch(sql, list(own), MOST_LISTED, HEAD_BYTES)
    total, idle, hidden, listable, active, in_transaction, waiting = rows[0]["blocked_by"]
    sessions = tuple(_session(row, observer.encoding) for row in rows[1:])
    sample = ActivitySample(
        taken_at=clock.wall(),
        monotonic=clock.monotonic(),
        server_clock=rows[0]["xact_seconds"],
        sessions=sessions,
        idle=idle,
        hidden=hidden,
        total=total,
        left_out=listable - len(sessions),
    )
    return Moment(sample, Activity(active, idle, in_transaction, waiting, total, max_connections))


def _session(row: Any, encoding: str) -> Session:
    return Session(
        pid=row["pid"],
        backend_type=row["backend_type"] or "",
        database=row["database"] or "",
        role=row["role"] or "",
        application=row["application"] or "",
        client=row["client"] or "",
        state=row["state"] or "",
        wait_type=row["wait_type"] or "",
        wait_event=row["wait_event"] or "",
        queryid=row["queryid"] or None,
        query=_text(row["query"] or b"", row["encoding"] or encoding),
        xact_seconds=row["xact_seconds"],
        query_seconds=row["query_seconds"],
        blocked_by=tuple(dict.fromkeys(row["blocked_by"] or ())),
    )


def _text(head: bytes, encoding: str) -> str:
    """The characters of a text's first bytes; the last one may be cut in two, and is then left out."""
    text = decode(head, encoding)
    return text[:-1] if len(head) == HEAD_BYTES and text.endswith("\ufffd") else text
