"""Tables with more dead rows than autovacuum should leave: it is off, is held back, cannot keep up, or comes late."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from optischema_tui.core.findings.maintenance.facts import Facts, Table, TablePast
from optischema_tui.core.findings.maintenance.horizon import blockers, named
from optischema_tui.core.findings.maintenance.pace import growth
from optischema_tui.core.findings.maintenance.saying import ago, finding
from optischema_tui.core.findings.maintenance.thresholds import is_vacuumed, rows_of, vacuum_threshold
from optischema_tui.core.models import Finding, Impact, Reason

RULE = "vacuum.dead_rows"
LEAST_DEAD = 10_000
_OVER = 2.0
"""Times the threshold: autovacuum looks every minute or so, and while it works the rows stay counted."""
_LEAST_SHARE = 0.1
"""Of the table's rows that are dead where no autovacuum comes."""
_PAGE_MS = 0.01
"""A page found in the operating system's cache."""
_FAST_LIMIT = 2000
"""autovacuum_vacuum_cost_limit of a table that the default of 200 is too slow for."""


def find(facts: Facts) -> Iterator[Finding]:
    if facts.in_recovery:
        return
    for table in facts.tables:
        if table.kind != "p" and table.dead >= LEAST_DEAD:
            yield from _judged(facts, table)


def _judged(facts: Facts, table: Table) -> Iterator[Finding]:
    threshold = vacuum_threshold(facts, table)
    share = table.dead / max(1.0, table.dead + max(table.live, rows_of(table)))
    past = facts.past.get(table.relid, ())
    if not is_vacuumed(facts, table):
        if share >= _LEAST_SHARE:
            yield _off(facts, table, threshold, share)
        return
    if table.dead < _OVER * threshold or not _lasted(past, threshold):
        return
    holders = tuple(blockers(facts))
    rounds, seconds = growth(past, lambda each: each.vacuums)
    if holders and rounds:
        yield _told(
            facts, table, threshold, share, "held back",
            Reason("held_back", f"Autovacuum came {rounds:.0f} times in {seconds / 3600:.1f} hours and could not "
                   f"remove them because of the {named(holders[0])}: that must end first"),
        )  # fmt: skip
    elif rounds >= 2 and past[-1].dead > past[0].dead:
        yield _told(
            facts, table, threshold, share, "autovacuum cannot keep up",
            Reason("cannot_keep_up", f"Autovacuum came {rounds:.0f} times in {seconds / 3600:.1f} hours, yet dead rows "
                   f"grew from {past[0].dead:,} to {past[-1].dead:,}"),
            *_faster(facts, table),
        )  # fmt: skip
    else:
        yield _told(
            facts, table, threshold, share, "vacuum overdue",
            Reason("overdue", "Autovacuum is on and its threshold was passed long ago, yet it has not come: its "
                   "workers are busy elsewhere, or a lock on the table sends it away"),
            f"VACUUM {table.sql}",
        )  # fmt: skip


def _off(facts: Facts, table: Table, threshold: float, share: float) -> Finding:
    own = "autovacuum_enabled" in table.options and facts.settings.get("autovacuum", "on") == "on"
    if not own:
        why = "autovacuum or track_counts is off on this server"
        return _told(facts, table, threshold, share, "autovacuum is off", Reason("server_off", why),
                     f"VACUUM {table.sql}")  # fmt: skip
    return _told(
        facts, table, threshold, share, "autovacuum is off",
        Reason("table_off", "Its option autovacuum_enabled is off, so that only wraparound brings autovacuum"),
        f"ALTER TABLE {table.sql} RESET (autovacuum_enabled)",
        f"ALTER TABLE {table.sql} SET (autovacuum_enabled = '{_plain(table.options['autovacuum_enabled'])}')",
    )  # fmt: skip


def _plain(value: str) -> str:
    return value.replace("'", "''")


def _faster(facts: Facts, table: Table) -> tuple[str, str]:
    """Let it work faster on this table alone."""
    name = "autovacuum_vacuum_cost_limit"
    limit = facts.option(table, name, -1)
    limit = limit if limit > 0 else facts.setting("vacuum_cost_limit", 200)
    if limit >= _FAST_LIMIT:
        return f"VACUUM {table.sql}", ""
    before = table.options.get(name)
    back = f"SET ({name} = '{_plain(before)}')" if before is not None else f"RESET ({name})"
    return f"ALTER TABLE {table.sql} SET ({name} = '{_FAST_LIMIT}')", f"ALTER TABLE {table.sql} {back}"


def _lasted(past: Sequence[TablePast], threshold: float) -> bool:
    """The last stored readings were above it too. Without any, one look must do: it is twice the threshold."""
    return all(each.dead > threshold for each in past[-2:])


def _told(
    facts: Facts, table: Table, threshold: float, share: float, verdict: str, reason: Reason, forward: str = "",
    inverse: str = "",
) -> Finding:  # fmt: skip
    scans, seconds = growth(facts.past.get(table.relid, ()), lambda each: each.seq_scans)
    rate = scans / seconds * 3600 if seconds else 0.0
    cost = rate * table.pages * share * _PAGE_MS
    return finding(
        facts, RULE, table.sql, verdict,
        f"{table.sql} has {table.dead:,} dead rows, {share:.0%} of all, and autovacuum is due at {threshold:,.0f}",
        reasons=(reason,),
        impact=(
            Impact("dead_rows", float(table.dead)),
            Impact("bytes", table.pages * facts.block_size * share, "The dead rows' share of the table's pages"),
            Impact("ms_per_hour", cost, f"{rate:.1f} scans of the whole table an hour read them too, at {_PAGE_MS} ms "
                   "a page"),
        ),
        cost=cost + table.dead / 1000.0,
        evidence=(
            f"{table.dead:,} dead and {table.live:,} live rows; threshold {threshold:,.0f}",
            f"Last vacuumed {ago(facts.now, table.last_vacuum)}; {table.vacuums} times since the statistics began",
        ),
        forward_sql=forward, inverse_sql=inverse,
    )  # fmt: skip
