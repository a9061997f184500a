"""Names and statements of findings about indexes."""

from __future__ import annotations

from optischema_tui.core.findings.indexes.facts import DAY, Facts, IndexDetail, IndexKey, Watched
from optischema_tui.core.models import Finding, FindingKind, Impact, Reason, finding_id, quote
from optischema_tui.core.safe_text import one_line
from optischema_tui.core.sizes import size

_BEGIN = ("CREATE UNIQUE INDEX ", "CREATE INDEX ")


def told(name: str) -> str:
    return one_line(name, 80)


def qualified(key: IndexKey) -> str:
    """As SQL takes it."""
    return f"{quote(key[0])}.{quote(key[1])}"


def drop_sql(index: IndexDetail) -> str:
    return f"DROP INDEX CONCURRENTLY {qualified(index.key)}"


def rebuild_sql(index: IndexDetail) -> str:
    return f"REINDEX INDEX CONCURRENTLY {qualified(index.key)}"


def create_sql(facts: Facts, index: IndexDetail) -> str:
    """Its own definition, built concurrently; empty when it is not known."""
    table = facts.tables.get(index.table)
    text = next((each.definition for each in table.indexes if each.name == index.name), "") if table else ""
    for begin in _BEGIN:
        if text.startswith(begin):
            return f"{begin}CONCURRENTLY {text.removeprefix(begin)}"
    return ""


def saved(facts: Facts, index: IndexDetail) -> tuple[tuple[Impact, ...], float]:
    """(what its going saves, ms an hour of it)."""
    found = [Impact("bytes", float(facts.size(index.key)), "Its size on disk.")]
    upkeep = facts.upkeep.get(index.key)
    cost = 0.0
    if upkeep is not None:
        found.append(Impact("us_per_row", upkeep.us_per_row, "For one entry, by the model of B-tree upkeep."))
        if upkeep.ms_per_hour is not None:
            cost = upkeep.ms_per_hour
            found.append(Impact("ms_per_hour", cost, "Entry cost times the rows written, as the counters moved."))
    own = facts.own
    if own is not None:
        use = own.uses.get(index.oid)
        blocks = sum(each.blocks for each in own.uses.values())
        hours = max(1.0, own.until - own.since) / 3600
        if use is not None:
            found.append(Impact("blocks_per_hour", use.blocks / hours, "Its blocks read and hit while watched."))
            if blocks:
                share = use.blocks / blocks
                found.append(Impact("cache_share", share, "0-1: its part of the blocks of all indexes looked at."))
    return tuple(found), cost


def finding(
    facts: Facts,
    rule: str,
    object_: str,
    *,
    verdict: str,
    title: str,
    reasons: tuple[Reason, ...] = (),
    impact: tuple[Impact, ...] = (),
    cost: float = 0.0,
    evidence: tuple[str, ...] = (),
    forward: str = "",
    inverse: str = "",
    queryids: tuple[int, ...] = (),
) -> Finding:
    return Finding(
        id=finding_id(facts.target, rule, object_),
        target=facts.target,
        kind=FindingKind.INDEXES,
        rule=rule,
        object=object_,
        verdict=verdict,
        title=title,
        reasons=reasons,
        impact=impact,
        cost=cost,
        evidence=evidence,
        forward_sql=forward,
        inverse_sql=inverse,
        queryids=queryids,
    )


def watched_words(server: Watched) -> str:
    """One sentence about how it was watched."""
    days = (server.until - server.since) / DAY
    breaks = f", {server.breaks} restarts, crashes or resets between" if server.breaks else ""
    return f"Its counters are stored over {days:.1f} days{breaks}; {server.coverage:.0%} of the window is covered."


def named(index: IndexDetail, facts: Facts) -> str:
    """`index orders_total_idx of orders (12 MB)`."""
    return f"index {told(index.name)} of {told(index.table_name)} ({size(facts.size(index.key))})"
