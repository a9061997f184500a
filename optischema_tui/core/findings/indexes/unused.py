"""Indexes that nobody reads, by what was watched on this server and on its standbys; never by a zero count alone."""

from __future__ import annotations

from collections.abc import Iterator

from optischema_tui.core.findings.indexes.bound import WORDS, bonds
from optischema_tui.core.findings.indexes.covering import covered
from optischema_tui.core.findings.indexes.facts import DAY, Facts, IndexDetail, IndexKey, Watched
from optischema_tui.core.findings.indexes.wording import (
    create_sql,
    drop_sql,
    finding,
    named,
    qualified,
    saved,
    told,
    watched_words,
)
from optischema_tui.core.models import Finding, Reason

SAFE = "safe to drop"
LONGER, NEW, USED, ELSEWHERE = "needs longer", "new", "used", "used elsewhere"
UNWATCHED, UNKNOWN = "standby not watched", "not known"
VERDICTS = (SAFE, LONGER, NEW, USED, ELSEWHERE, UNWATCHED, UNKNOWN, *WORDS.values())
_SELDOM_DAYS = 400.0
"""A use so long ago still counts: there are jobs of a year's end."""


def find(facts: Facts) -> Iterator[Finding]:
    """Of each index that was not seen in use; what a constraint holds is not mentioned, nor what another covers."""
    elsewhere = covered(facts, going(facts))
    survivors = {one.survivor.key for one in elsewhere.values()}
    for key, index in sorted(facts.details.items()):
        if key in elsewhere or key in survivors or index.constraint_name or not index.usable or index.partitioned:
            continue
        verdict, reasons = judge(facts, index)
        if verdict != USED:
            yield _finding(facts, index, verdict, reasons)


def going(facts: Facts) -> frozenset[IndexKey]:
    """Those that are safe to drop, so that none of them may stand in for another."""
    known = (index for index in facts.details.values() if index.usable and not index.constraint_name)
    return frozenset(index.key for index in known if judge(facts, index)[0] == SAFE)


def judge(facts: Facts, index: IndexDetail) -> tuple[str, tuple[Reason, ...]]:
    """(one of `VERDICTS`, the reasons, the decisive one first)."""
    use = _use(facts, index)
    if use is not None and use[0] in (USED, ELSEWHERE):
        return use[0], (use[1],)
    held = tuple(bonds(facts, index))
    if held:
        return WORDS[held[0].code], held
    if use is not None:
        return use[0], (use[1],)
    reasons = [
        Reason("unused", "No scan of it was counted while every server that may read it was watched."),
        Reason("watched", f"The window of {facts.thresholds.watch_days:.0f} days has a month's end in it."),
    ]
    if index.expressions:
        lost = Reason("expression_statistics", "Estimates may rest on the statistics of its expression, which go too.")
        return WORDS["expression_statistics"], (lost, *reasons)
    return SAFE, tuple(reasons)


def _use(facts: Facts, index: IndexDetail) -> tuple[str, Reason] | None:
    """(verdict, reason) of what its use says against its going; None when nothing does."""
    own = facts.own
    used = [one for one in facts.servers if _last_use(facts, one, index) is not None]
    if own is not None and own in used:
        return USED, _when(facts, own, index)
    if index.scans > max((one.counted.get(index.oid, 0) for one in facts.servers), default=0) and own is not None:
        return USED, Reason("scanned_since", "The server has counted scans since the last stored reading.")
    if used:
        verdict = ELSEWHERE if own is not None else USED
        return verdict, _when(facts, used[0], index)
    if own is None:
        return LONGER, Reason("not_watched", "No counters of this server are stored: let optischema-tui collect run.")
    return _too_short(facts, own, index) or _others(facts, index)


def _last_use(facts: Facts, server: Watched, index: IndexDetail) -> float | None:
    use = server.uses.get(index.oid)
    if use is None or use.last_used is None or use.last_used < facts.now - _SELDOM_DAYS * DAY:
        return None
    return use.last_used


def _when(facts: Facts, server: Watched, index: IndexDetail) -> Reason:
    days = (facts.now - (_last_use(facts, server, index) or 0.0)) / DAY
    scans = server.uses[index.oid].scans
    code = "seldom" if days > facts.thresholds.watch_days else "scanned"
    where = "this server" if server is facts.own else "another server of this database"
    return Reason(code, f"On {where} it was last scanned {days:.1f} days ago, {scans:,} scans while watched.")


def _too_short(facts: Facts, server: Watched, index: IndexDetail) -> tuple[str, Reason] | None:
    """Why this server's counters do not yet tell."""
    need = facts.thresholds.watch_days
    use = server.uses.get(index.oid)
    if use is None:
        return UNKNOWN, Reason("not_counted", "Its counters are not among those that are stored.")
    age, watch = (facts.now - use.first_seen) / DAY, (facts.now - server.since) / DAY
    if age < need <= watch:
        return NEW, Reason("new", f"It was first seen {age:.1f} days ago: its time may be yet to come.")
    if watch < need:
        return LONGER, Reason(
            "window", f"It was watched for {watch:.1f} days; {need:.0f} with a month's end are wanted."
        )
    if server.coverage < facts.thresholds.coverage:
        text = (
            f"{server.coverage:.0%} of the last {need:.0f} days is covered; {facts.thresholds.coverage:.0%} is wanted."
        )
        return LONGER, Reason("coverage", text)
    return None


def _others(facts: Facts, index: IndexDetail) -> tuple[str, Reason] | None:
    """Why the standbys forbid it."""
    if facts.in_recovery:
        return UNWATCHED, Reason("standby", "This server is a standby: judge it on the primary.")
    watched = [one for one in facts.servers if one is not facts.own and _too_short(facts, one, index) is None]
    if len(watched) >= len(facts.standbys):
        return None
    names = ", ".join(told(each) for each in sorted(set(facts.standbys)))
    text = f"A standby counts its scans for itself, and is not watched as long: {names}."
    return UNWATCHED, Reason("standby", text)


def _finding(facts: Facts, index: IndexDetail, verdict: str, reasons: tuple[Reason, ...]) -> Finding:
    impact, cost = saved(facts, index)
    safe = verdict == SAFE
    words = [watched_words(facts.own)] if facts.own is not None else []
    return finding(
        facts,
        "index.unused",
        qualified(index.key),
        verdict=verdict,
        title=f"No scan of the {named(index, facts)} was seen.",
        reasons=reasons,
        impact=impact,
        cost=cost if verdict in (SAFE, LONGER, NEW, UNWATCHED) else 0.0,
        evidence=(*words, f"idx_scan says {index.scans:,} now, which alone proves nothing."),
        forward=drop_sql(index) if safe else "",
        inverse=create_sql(facts, index) if safe else "",
    )
