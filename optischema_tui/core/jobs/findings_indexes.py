"""What the rules about indexes are given, from the target's catalog and from history."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace

from optischema_tui.core.advise.judge.upkeep import entry_us, upkeep_ms
from optischema_tui.core.advise.judge.writes import RowUpdate, TableWrites
from optischema_tui.core.clock import SYSTEM, Clock
from optischema_tui.core.findings.indexes.facts import (
    DAY,
    Facts,
    Fresh,
    Hourly,
    IndexDetail,
    IndexKey,
    StatementSeen,
    TableKey,
    Thresholds,
    Upkeep,
)
from optischema_tui.core.findings.indexes.use import observed
from optischema_tui.core.history.store import History
from optischema_tui.core.lab.distribution import spread, unique
from optischema_tui.core.lab.image import Image, Relation
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.lab.size_model import Entries, Fields, Tuples, btree_size, fields_width
from optischema_tui.core.lab.sparse import align8
from optischema_tui.core.models import IndexFacts, Reading, TableFacts
from optischema_tui.core.paths import Paths
from optischema_tui.core.target.hygiene.indexes import IndexReaders, read_index_readers, read_index_rows
from optischema_tui.core.target.session import reading
from optischema_tui.core.target.spec import TargetSpec

_PAGE = 8192
_LOOK_BACK = 400
"""Days of stored readings that are looked at."""
_RECENT, _STEP = 40, 14
"""Days of them of which each is looked at; of those before one in so many."""
_STATEMENT_DAYS = 35.0
_NO_READERS = ("pg_receivewal", "pg_basebackup")
_MOST_STATEMENTS = 500
_HEADER = 8
"""Bytes of an index tuple's header."""
_STALE = 0.2
"""0-1: share of a table's rows changed since ANALYZE from which its figures tell no size."""


def gather_indexes(
    paths: Paths, spec: TargetSpec, fingerprint: str, *, clock: Clock = SYSTEM, thresholds: Thresholds | None = None
) -> Facts:
    """Facts of the connected database. Reads catalogs and planner statistics, no row of any table.

    Raises TargetError and its kinds, StorageError, and LabError where the planner's statistics may not be read.
    """
    with reading(spec) as session:
        image = read_image(session, rows=False)
        details = tuple(IndexDetail(**row) for row in read_index_rows(session))
        readers = read_index_readers(session)
    with closing(History.open(paths.history_db, clock)) as history:
        now = clock.wall()
        return assemble(
            fingerprint,
            now,
            image,
            details,
            readers,
            stored=stored_readings(history, fingerprint, "indexes", now),
            senders=tuple(_daily(history, fingerprint, "replication", now, range(int(_STATEMENT_DAYS), -1, -1))),
            tables=_ends(history, fingerprint, now),
            statements=_statements(history, fingerprint, now),
            thresholds=thresholds or Thresholds(),
        )


def assemble(
    target: str,
    now: float,
    image: Image,
    details: Sequence[IndexDetail],
    readers: IndexReaders,
    *,
    stored: Sequence[Reading] = (),
    senders: Sequence[Reading] = (),
    tables: tuple[Reading, Reading] | None = None,
    statements: tuple[StatementSeen, ...] = (),
    thresholds: Thresholds = Thresholds(),  # noqa: B008 (frozen)
) -> Facts:
    """Join what was read. `stored` are readings of the family `indexes`, `senders` of `replication`, `tables` two of
    that family and of one epoch."""
    facts = Facts(
        target,
        now,
        image.facts().tables,
        {each.key: each for each in details},
        started=readers.started,
        in_recovery=readers.in_recovery,
        standbys=known_standbys(readers, senders),
        servers=observed(stored, now, thresholds.watch_days),
        writes=hourly_writes(*tables) if tables is not None else {},
        statements=statements,
        thresholds=thresholds,
    )
    return replace(facts, upkeep=dict(_upkeep(facts)), fresh=dict(_fresh(image, facts)))


# --- history ---


def stored_readings(history: History, fingerprint: str, family: str, now: float) -> tuple[Reading, ...]:
    """One reading a day, one a fortnight of long ago, and all between two of different epochs: inside one epoch a
    difference of counters misses nothing, and a break is dated as well as what is stored allows."""
    found: list[Reading] = []
    before: Reading | None = None
    for one in _daily(
        history, fingerprint, family, now, (*range(_LOOK_BACK, _RECENT, -_STEP), *range(_RECENT, -1, -1))
    ):
        if before is None:
            found += history.readings(fingerprint, family, one.taken_at - _STEP * DAY, one.taken_at)
        elif before.epoch != one.epoch:
            found += history.readings(fingerprint, family, before.taken_at, one.taken_at)
        found.append(one)
        before = one
    unique_times = {(each.epoch, each.taken_at): each for each in found}
    return tuple(sorted(unique_times.values(), key=lambda each: each.taken_at))


def _daily(history: History, fingerprint: str, family: str, now: float, days: Iterable[int]) -> Iterator[Reading]:
    """The newest reading of each of these days before now, each once, the oldest first."""
    last = 0.0
    for day in days:
        one = history.reading_at(fingerprint, family, now - day * DAY)
        if one is not None and one.taken_at > last:
            last = one.taken_at
            yield one


def known_standbys(readers: IndexReaders, senders: Iterable[Reading]) -> tuple[str, ...]:
    """Names of the standbys that are there now or were lately: one that is away may come back. Sorted, a name as often
    as so many of that name were seen at once."""
    found = Counter(readers.standbys)
    for one in senders:
        found |= Counter(
            row["name"] or f"pid {row['pid']}"
            for row in one.dicts()
            if row["what"] == "sender" and row["name"] not in (*readers.others, *_NO_READERS)
        )
    return tuple(sorted(found.elements()))


def _ends(history: History, fingerprint: str, now: float) -> tuple[Reading, Reading] | None:
    """The newest reading of the tables, and the oldest of its epoch within the last week, a day's at best."""
    newest = history.reading_at(fingerprint, "tables", now)
    if newest is None:
        return None
    for days in (7.0, 1.0, 0.25, 1 / 24):
        one = history.reading_at(fingerprint, "tables", newest.taken_at - days * DAY)
        if one is not None and one.epoch == newest.epoch and one.taken_at < newest.taken_at:
            return one, newest
    return None


def hourly_writes(earlier: Reading, later: Reading) -> dict[TableKey, Hourly]:
    """Rows an hour of each table between two readings of one epoch."""
    hours = max(1.0, later.taken_at - earlier.taken_at) / 3600
    before = {row["relid"]: row for row in earlier.dicts()}
    found = {}
    for row in later.dicts():
        known = before.get(row["relid"])
        if known is not None:
            names = ("n_tup_ins", "n_tup_upd", "n_tup_del")
            rates = [max(0, (row[name] or 0) - (known[name] or 0)) / hours for name in names]
            found[row["schema"], row["name"]] = Hourly(*rates)
    return found


def _statements(history: History, fingerprint: str, now: float) -> tuple[StatementSeen, ...]:
    seen = history.window(fingerprint, now - _STATEMENT_DAYS * DAY, now)[:_MOST_STATEMENTS]
    return tuple(StatementSeen(one.key.queryid, one.text, one.calls, one.exec_time) for one in seen)


# --- what an index costs, and how large it would be ---


def _upkeep(facts: Facts) -> Iterator[tuple[IndexKey, Upkeep]]:
    for table, index in _indexes(facts):
        rate = facts.writes.get((table.schema, table.name))
        hourly = None
        if rate is not None:
            updates = (RowUpdate(frozenset(), rate.updates),) if rate.updates else ()
            hourly = upkeep_ms(index, table, TableWrites(rate.inserts, updates, rate.deletes, measured=False))
        yield (index.schema, index.name), Upkeep(entry_us(index, table), hourly)


def _indexes(facts: Facts) -> Iterator[tuple[TableFacts, IndexFacts]]:
    for table in facts.tables.values():
        for index in table.indexes:
            if (index.schema, index.name) in facts.details:
                yield table, index


def _fresh(image: Image, facts: Facts) -> Iterator[tuple[IndexKey, Fresh]]:
    """Of B-trees on columns alone. Equal keys are merged in the estimate only where one column's statistics tell how
    many there are: what is estimated too large is no false alarm."""
    fields = Fields(image.relations, image.statistics)
    relations = {(each.schema, each.name): each for each in image.relations.values() if each.kind in "rm"}
    for table, index in _indexes(facts):
        detail = facts.details[index.schema, index.name]
        relation = relations.get((table.schema, table.name))
        if index.method != "btree" or index.expressions or relation is None or table.rows <= 0:
            continue
        if table.modified > _STALE * table.rows:
            continue
        rows = detail.reltuples if index.predicate else table.rows
        if rows < 0:
            continue
        names = (*index.columns, *index.include)
        width = align8(_HEADER + fields_width(fields.of(table.schema, table.name, names)))
        entries = _entries(image, relation, index, rows, float(width))
        pages = btree_size([entries], dedup=not index.include and not index.unique, fill=_fill(detail.storage)).pages
        yield (index.schema, index.name), Fresh(pages * _PAGE, "Estimated from its rows and the widths of its columns.")


def _entries(image: Image, relation: Relation, index: IndexFacts, rows: float, width: float) -> Entries:
    kinds = unique(rows)
    if len(index.columns) == 1 and not index.predicate:
        number = next((each.number for each in relation.columns if each.name == index.columns[0]), 0)
        row = next((r for r in image.statistics if (r.relation, r.number) == (relation.oid, number)), None)
        if row is not None:
            kinds = spread(row, rows)
    return Entries(rows, kinds, Tuples(width, width))


def _fill(storage: Sequence[str]) -> int:
    options: Mapping[str, str] = dict(each.split("=", 1) for each in storage if "=" in each)
    given = options.get("fillfactor", "")
    return int(given) if given.isdigit() else 90
