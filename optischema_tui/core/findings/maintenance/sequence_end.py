"""Sequences near the end of their own type, or of the column that takes their numbers."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.maintenance.facts import Facts, Sequence
from optischema_tui.core.findings.maintenance.pace import per_hour
from optischema_tui.core.findings.maintenance.saying import day, finding, threat
from optischema_tui.core.models import Finding, Impact, Reason, quote

RULE = "sequence.near_end"
_FULL = 0.75
_LEAST = 0.2
"""Emptier ones are not spoken of, however fast they go."""
_SOON_HOURS = 24 * 365.0
_UNKNOWN_HOURS = 24 * 365.0
"""To order findings by where no pace was observed."""


def find(facts: Facts) -> Iterator[Finding]:
    for sequence in facts.sequences:
        end = end_of(sequence)
        if sequence.last is None or end is None:
            continue
        begin = sequence.minimum if sequence.increment > 0 else sequence.maximum
        begin = max(begin, sequence.start) if sequence.increment > 0 else min(begin, sequence.start)
        share = (sequence.last - begin) / (end - begin) if end != begin else 1.0
        left = max(0, (end - sequence.last) // sequence.increment)
        pace = per_hour(facts.past.get(sequence.relid, ()), lambda each: each.inserts)
        hours = left / pace if pace else None
        soon = hours is not None and hours < _SOON_HOURS and share >= _LEAST
        if (share >= _FULL and not (hours is not None and hours > 20 * _SOON_HOURS)) or soon:
            yield _told(facts, sequence, end, share, left, pace, hours)


def end_of(sequence: Sequence) -> int | None:
    """The last number that both the sequence and its column can take; None for one that begins anew before that."""
    if sequence.increment < 0:
        return None if sequence.cycles else sequence.minimum
    if sequence.column_maximum is not None and sequence.column_maximum < sequence.maximum:
        return sequence.column_maximum
    return None if sequence.cycles else sequence.maximum


def _told(
    facts: Facts, sequence: Sequence, end: int, share: float, left: int, pace: float | None, hours: float | None
) -> Finding:  # fmt: skip
    narrow = sequence.column_maximum == end and sequence.increment > 0
    where = f"column {sequence.table}.{quote(sequence.column)}" if sequence.table else "no column that is known"
    if narrow:
        why = f"The {where} is {sequence.column_type}: an insert beyond {end:,} fails"
        todo = (
            "Make it bigint: a new column filled by a trigger and in batches, then exchanged; ALTER COLUMN .. TYPE "
            "rewrites the table while nobody can read it. Columns that reference it must follow"
        )
    else:
        why = f"The sequence ends at {end:,} ({sequence.type_name}); it serves the {where}"
        todo = f"ALTER SEQUENCE {sequence.sql} AS bigint MAXVALUE 9223372036854775807 gives it room at once"
    forecast = f"; at the observed pace it ends on {day(facts.now, hours)}" if hours is not None else ""
    return finding(
        facts, RULE, sequence.sql, "near its end",
        f"{share:.0%} of the numbers of {sequence.sql} are used, {left:,} are left{forecast}",
        reasons=(Reason("column_ends" if narrow else "sequence_ends", why), Reason("what_to_do", todo)),
        impact=(
            Impact("numbers_left", float(left)),
            *((Impact("rows_per_hour", pace, "Inserts of stored readings"),) if pace else ()),
        ),
        cost=threat(hours if hours is not None else _UNKNOWN_HOURS * max(0.0, 1 - share)),
        evidence=(
            f"Last number {sequence.last:,} of {end:,}",
            f"{pace:,.1f} rows an hour were inserted" if pace else "The pace is not known: no stored readings tell it",
        ),
    )  # fmt: skip
