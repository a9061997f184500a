"""What sessions did: samples of each second for hours, counts by minute and longer for a year.

A batch of samples is one compressed blob with its sums by wait class beside it. When its minute is over the sessions
are counted by (state, wait, statement, database, role); longer buckets sum these counts. No literal of a query is
stored: a session that names its statement has no text here, it is found by its id; another one keeps what `query_head`
leaves.
"""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

from optischema_tui.core.history.blobs import pack, unpack
from optischema_tui.core.history.known_statements import day_of
from optischema_tui.core.history.privacy import query_head
from optischema_tui.core.history.tiers import CHARTED, Ladder, Rows, chart_tier, grid, listed
from optischema_tui.core.models import ActivitySample, Session, WaitPoint
from optischema_tui.core.safe_text import redact
from optischema_tui.core.workload.waits import NOT_LISTED, is_active, wait_of

KEYS_A_BUCKET = 100
"""Combinations counted in a bucket, the most frequent; the rest is counted by state and wait class alone."""
REACH = 30.0
"""Seconds before a moment in which a sample still shows that moment."""
LONGEST_GAP = 5.0
"""Seconds between two samples, at the usual rhythm, beyond which some are missing."""
TEXT = 400


@dataclass(frozen=True, slots=True)
class _Batch:
    samples: tuple[ActivitySample, ...]


class CountKey(NamedTuple):
    """What sessions are counted by. queryid 0: unknown or none; all but the first two are empty for the rest."""

    state: str
    wait_type: str
    wait_event: str = ""
    queryid: int = 0
    database: str = ""
    role: str = ""


# --- writing ---


def insert_batch(connection: sqlite3.Connection, fingerprint: str, samples: Sequence[ActivitySample]) -> int:
    """Store samples of one target, the oldest first; gives the row's id."""
    kept = tuple(_private(sample) for sample in samples)
    first, last = kept[0].taken_at, kept[-1].taken_at
    row = connection.execute(
        "SELECT at FROM activity WHERE fingerprint = ? AND at < ? ORDER BY at DESC LIMIT 1", (fingerprint, first)
    ).fetchone()
    before = row[0] if row else None
    gaps = [later.taken_at - earlier.taken_at for earlier, later in pairwise(kept)]
    step = sorted(gaps)[len(gaps) // 2] if gaps else 1.0
    longest = max(LONGEST_GAP, 3 * step)
    breaks = before is None or first - before > longest or any(gap > longest for gap in gaps)
    begin = before if before is not None and first - before <= longest else first - step
    cursor = connection.execute(
        "INSERT INTO activity (fingerprint, tier, at, seconds, samples, breaks, classes, body)"
        " VALUES (?, 0, ?, ?, ?, ?, ?, ?)",
        (fingerprint, last, last - begin, len(kept), breaks, json.dumps(_classes(kept)), pack(_Batch(kept))),
    )
    return int(cursor.lastrowid or 0)


def _private(sample: ActivitySample) -> ActivitySample:
    return replace(sample, sessions=tuple(map(_private_session, sample.sessions)))


def _private_session(session: Session) -> Session:
    text = query_head(session.query) if session.queryid is None else ""
    return replace(session, query=text, application=redact(session.application))


def _classes(samples: Iterable[ActivitySample]) -> Counter[str]:
    """(sample, session) pairs by wait class, of active sessions, as `wait_points` counts them."""
    classes: Counter[str] = Counter()
    for sample in samples:
        classes.update(wait_of(session)[0] for session in sample.sessions if is_active(session))
        if sample.left_out:
            classes[NOT_LISTED] += sample.left_out
    return classes


def _counts(samples: Iterable[ActivitySample]) -> Counter[CountKey]:
    return Counter(
        CountKey(
            session.state, session.wait_type, session.wait_event, session.queryid or 0, session.database, session.role
        )
        for sample in samples
        for session in sample.sessions
    )


# --- summing up ---


def _merge(connection: sqlite3.Connection, ids: Rows, tier: int) -> tuple[int, int]:
    rows = connection.execute(
        f"SELECT fingerprint, at, seconds, samples, breaks, classes, body FROM activity WHERE id IN ({listed(ids)})"
        " ORDER BY at"
    ).fetchall()
    end, begin = rows[-1][1], min(row[1] - row[2] for row in rows)
    classes: Counter[str] = Counter()
    for row in rows:
        classes.update(json.loads(row[5]))
    cursor = connection.execute(
        "INSERT INTO activity (fingerprint, tier, at, seconds, samples, breaks, classes, leaf)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
        (
            rows[0][0],
            tier,
            end,
            end - begin,
            sum(row[3] for row in rows),
            max(row[4] for row in rows),
            json.dumps(classes),
        ),
    )
    parent = int(cursor.lastrowid or 0)
    counts = _heaviest(_counted(connection, ids, [row[6] for row in rows]))
    _insert_counts(connection, parent, counts, day_of(end))
    return parent, 20 * len(ids) + len(counts)


def _counted(connection: sqlite3.Connection, ids: Rows, bodies: Iterable[bytes | None]) -> Counter[CountKey]:
    counts: Counter[CountKey] = Counter()
    for body in bodies:
        batch = unpack(_Batch, body) if body else None
        if batch is not None:
            counts.update(_counts(batch.samples))
    for *key, sessions in connection.execute(
        "SELECT k.state, k.wait_type, k.wait_event, k.queryid, k.database, k.role, sum(c.sessions)"
        f" FROM activity_count c JOIN activity_key k ON k.id = c.key_id WHERE c.activity_id IN ({listed(ids)})"
        " GROUP BY c.key_id"
    ):
        counts[CountKey(*key)] += sessions
    return counts


def _heaviest(counts: Counter[CountKey]) -> Counter[CountKey]:
    ordered = counts.most_common()
    kept = Counter(dict(ordered[:KEYS_A_BUCKET]))
    for key, sessions in ordered[KEYS_A_BUCKET:]:
        kept[CountKey(key.state, key.wait_type)] += sessions
    return kept


def _insert_counts(connection: sqlite3.Connection, parent: int, counts: Counter[CountKey], day: int) -> None:
    connection.executemany(
        "INSERT INTO activity_key (state, wait_type, wait_event, queryid, database, role, seen_day)"
        " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (state, wait_type, wait_event, queryid, database, role)"
        " DO UPDATE SET seen_day = excluded.seen_day WHERE excluded.seen_day > seen_day",
        [(*key, day) for key in counts],
    )
    connection.executemany(
        "INSERT INTO activity_count SELECT ?, id, ? FROM activity_key WHERE state = ? AND wait_type = ?"
        " AND wait_event = ? AND queryid = ? AND database = ? AND role = ?",
        [(parent, sessions, *key) for key, sessions in counts.items()],
    )


def _drop(connection: sqlite3.Connection, ids: Rows) -> int:
    dropped = connection.execute(f"DELETE FROM activity_count WHERE activity_id IN ({listed(ids)})").rowcount
    connection.execute(f"DELETE FROM activity WHERE id IN ({listed(ids)})")
    return dropped + 20 * len(ids)


ACTIVITY = Ladder("activity", _merge, _drop, alone=False)


# --- reading ---


def read_waits(
    connection: sqlite3.Connection, fingerprint: str, since: float, until: float, points: int
) -> list[WaitPoint]:
    """At most `points` of them, the oldest first."""
    tier = chart_tier(until - since, points)
    rows = connection.execute(
        "SELECT t.at, t.seconds, t.samples, t.breaks, t.classes FROM activity t"
        f" WHERE t.fingerprint = :fingerprint AND t.at > :since AND t.at <= :until AND {CHARTED} ORDER BY t.at",
        {"fingerprint": fingerprint, "since": since, "until": until, "tier": tier},
    ).fetchall()
    return [_wait_point(group) for group in grid(rows, points, lambda row: float(row[0]), tier)]


def _wait_point(rows: Sequence[tuple[float, float, int, int, str]]) -> WaitPoint:
    classes: Counter[str] = Counter()
    for row in rows:
        classes.update(json.loads(row[4]))
    samples, end = sum(row[2] for row in rows), rows[-1][0]
    by_class = tuple((name, pairs / samples) for name, pairs in classes.most_common())
    seconds = end - min(row[0] - row[1] for row in rows)
    return WaitPoint(end, seconds, samples, by_class, any(row[3] for row in rows))


def read_counts(
    connection: sqlite3.Connection, fingerprint: str, since: float, until: float, points: int
) -> tuple[int, Counter[CountKey]]:
    """(samples, sessions in them by what they were at) of the tier of a chart of `points` points."""
    rows = connection.execute(
        "SELECT t.id, t.samples, t.body FROM activity t WHERE t.fingerprint = :fingerprint"
        f" AND t.at > :since AND t.at <= :until AND {CHARTED}",
        {"fingerprint": fingerprint, "since": since, "until": until, "tier": chart_tier(until - since, points)},
    ).fetchall()
    return sum(row[1] for row in rows), _counted(connection, [row[0] for row in rows], [row[2] for row in rows])


def read_samples(connection: sqlite3.Connection, fingerprint: str, since: float, until: float) -> list[ActivitySample]:
    """The samples after `since` up to `until` that are still there, with the texts of statements that are known."""
    bodies = connection.execute(
        "SELECT body FROM activity WHERE fingerprint = ? AND tier = 0 AND at > ? AND at - seconds <= ?"
        " AND body IS NOT NULL ORDER BY at",
        (fingerprint, since, until),
    ).fetchall()
    batches = [batch for (body,) in bodies if (batch := unpack(_Batch, body))]
    found = [sample for batch in batches for sample in batch.samples if since < sample.taken_at <= until]
    return _with_texts(connection, fingerprint, found)


def read_sample_at(connection: sqlite3.Connection, fingerprint: str, at: float) -> ActivitySample | None:
    found = read_samples(connection, fingerprint, at - REACH, at)
    return found[-1] if found else None


def _with_texts(
    connection: sqlite3.Connection, fingerprint: str, samples: Sequence[ActivitySample]
) -> list[ActivitySample]:
    wanted = {session.queryid for sample in samples for session in sample.sessions if session.queryid}
    texts = dict(
        connection.execute(
            f"SELECT queryid, substr(text, 1, {TEXT}) FROM statement WHERE fingerprint = ?"
            f" AND queryid IN ({listed(sorted(wanted))}) AND text <> ''",
            (fingerprint,),
        )
    )
    return [
        replace(
            sample,
            sessions=tuple(
                replace(session, query=texts[session.queryid]) if session.queryid in texts else session
                for session in sample.sessions
            ),
        )
        for sample in samples
    ]
