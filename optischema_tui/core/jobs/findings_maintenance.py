"""What the maintenance rules are given: the target's catalog as it is now, and the stored readings of its tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from typing import Any

from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.findings.maintenance.facts import Database, Facts, Holder, Table, TablePast
from optischema_tui.core.findings.maintenance.facts import Sequence as NumberSequence
from optischema_tui.core.history.store import History
from optischema_tui.core.models import Reading, quote
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.rows import ask
from optischema_tui.core.target.session import reading
from optischema_tui.core.target.spec import TargetSpec

DAYS = 7.0
MOST_READINGS = 200
"""Of a week, evenly spread: a reading may hold a thousand tables."""


def gather_maintenance(paths: Paths, spec: TargetSpec, fingerprint: str, *, clock: Clock = SYSTEM) -> Facts:
    """Raises TargetError, AuthError or ServerLost when the target cannot be asked, StorageError for history."""
    with closing(History.open(paths.history_db, clock=clock)) as history:
        end = clock.wall()
        readings = history.readings(fingerprint, "tables", end - DAYS * 86400, end)
    with reading(spec) as connection:
        moment = ask(connection, "maintenance_moment")[0]
        return Facts(
            target=fingerprint,
            now=moment["now"],
            tables=tuple(_table(row) for row in ask(connection, "maintenance_tables")),
            past=past_of(readings),
            sequences=tuple(_sequence(row) for row in ask(connection, "sequences")),
            holders=tuple(
                Holder(**{**row, "queryid": row["queryid"] or 0}) for row in ask(connection, "horizon_holders")
            ),
            databases=tuple(Database(**row) for row in ask(connection, "maintenance_databases")),
            settings={row["name"]: row["value"] for row in ask(connection, "maintenance_settings")},
            in_recovery=moment["in_recovery"],
            sees_all=moment["sees_all"],
        )


def past_of(readings: Sequence[Reading]) -> dict[int, tuple[TablePast, ...]]:
    """Stored readings of the family `tables` by relid, the oldest first; about `MOST_READINGS` of them."""
    usable = [each for each in readings if not each.problem and each.rows]
    step = max(1, -(-len(usable) // MOST_READINGS))
    found: dict[int, list[TablePast]] = {}
    # Counted from the newest: the latest reading is always among them.
    for one in usable[::-1][::step][::-1]:
        for row in one.dicts():
            found.setdefault(row["relid"], []).append(_past(one, row))
    return {relid: tuple(rows) for relid, rows in found.items()}


def _past(one: Reading, row: Mapping[str, Any]) -> TablePast:
    def count(name: str) -> int:
        return int(row.get(name) or 0)

    moved = row.get("n_tup_newpage_upd")
    return TablePast(
        at=one.taken_at,
        epoch=one.epoch,
        live=count("n_live_tup"),
        dead=count("n_dead_tup"),
        inserts=count("n_tup_ins"),
        vacuums=count("vacuum_count") + count("autovacuum_count"),
        updates=count("n_tup_upd"),
        hot_updates=count("n_tup_hot_upd"),
        new_page_updates=None if moved is None else int(moved),
        seq_scans=count("seq_scan"),
        xid_age=row.get("xid_age"),
        analyzed=bool(row.get("last_analyze") or row.get("last_autoanalyze")),
    )


def _table(row: Mapping[str, Any]) -> Table:
    def count(name: str) -> int:
        return int(row[name] or 0)

    return Table(
        relid=row["relid"],
        schema=row["schema"],
        name=row["name"],
        kind=row["kind"],
        pages=count("pages"),
        # Before 14 a table that nobody looked at has no rows and no pages.
        rows=-1.0 if row["rows"] <= 0 and not row["pages"] else row["rows"],
        options=_options(row["options"]),
        live=count("n_live_tup"),
        dead=count("n_dead_tup"),
        modified=count("n_mod_since_analyze"),
        inserts=count("n_tup_ins"),
        updates=count("n_tup_upd"),
        hot_updates=count("n_tup_hot_upd"),
        new_page_updates=row["n_tup_newpage_upd"],
        deletes=count("n_tup_del"),
        seq_scans=count("seq_scan"),
        last_vacuum=row["last_vacuum"],
        last_analyze=row["last_analyze"],
        vacuums=count("vacuum_count") + count("autovacuum_count"),
        analyzes=count("analyzes"),
        known_columns=row["known_columns"],
        row_width=row["row_width"],
        most_null=row["most_null"],
        columns=count("columns"),
        has_children=row["has_children"],
        xid_age=row["xid_age"],
        multixact_age=row["multixact_age"],
    )


def _options(options: Iterable[str] | None) -> dict[str, str]:
    return {name: value for name, _, value in (option.partition("=") for option in options or ())}


def _sequence(row: Mapping[str, Any]) -> NumberSequence:
    table = f"{quote(row['table_schema'])}.{quote(row['table_name'])}" if row["table_name"] else ""
    return NumberSequence(
        schema=row["schema"],
        name=row["name"],
        type_name=row["type"],
        minimum=int(row["minimum"]),
        maximum=int(row["maximum"]),
        start=int(row["start"]),
        increment=int(row["increment"]),
        cycles=row["cycles"],
        last=None if row["last"] is None else int(row["last"]),
        table=table,
        relid=row["relid"] or 0,
        column=row["column_name"] or "",
        column_type=row["column_type"] or "",
        column_maximum=None if row["column_maximum"] is None else int(row["column_maximum"]),
    )
