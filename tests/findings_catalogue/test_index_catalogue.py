"""No trap is advised to go, every true case is found; precision and recall are printed (-s)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import psycopg
import pytest

from optischema_tui.core.change.kinds.registry import NAMES, kind_of
from optischema_tui.core.cluster.cluster import Cluster
from optischema_tui.core.findings.indexes.bound import serves
from optischema_tui.core.findings.indexes.facts import Facts, IndexDetail, Thresholds
from optischema_tui.core.findings.indexes.registry import RULES
from optischema_tui.core.jobs.findings_indexes import assemble
from optischema_tui.core.lab.reader import read_image
from optischema_tui.core.models import Finding
from optischema_tui.core.target.hygiene.indexes import read_index_readers, read_index_rows
from tests.conftest import copied
from tests.findings_catalogue import traps, true_cases
from tests.findings_catalogue.case import NOW, Case

SMALL = Thresholds(bloat_bytes=128 << 10, unvacuumed_bytes=1 << 20, wide_factor=4.0)
TRAPS = (*traps.USE, *traps.REDUNDANT, *traps.OTHER)
TRUE = (*true_cases.USE, *true_cases.REDUNDANT, *true_cases.OTHER)
ACTED_ON = {"index.unused": ("safe to drop",), "index.redundant": ("duplicate", "redundant")}
"""Verdicts that a trap must not get; of the other rules none that comes with SQL."""


@pytest.fixture(scope="module")
def database(server: Cluster, blank: str) -> Iterator[str]:
    """One database with a schema for each case."""
    for dsn in copied(server, blank):
        with psycopg.connect(dsn, autocommit=True) as session:
            # VACUUM marks no page of a transaction whose commit is not yet on disk.
            session.execute("SET synchronous_commit = on")
            for prefix, cases in (("trap", TRAPS), ("true", TRUE)):
                for case in cases:
                    _build(session, f"{prefix}_{case.name}", case)
            session.execute("SELECT pg_stat_force_next_flush()")
        yield dsn


@pytest.fixture(scope="module")
def whole(database: str) -> Facts:
    with psycopg.connect(database, autocommit=True) as session:
        image = read_image(session, rows=False)
        details = tuple(IndexDetail(**row) for row in read_index_rows(session))
        return assemble("test", NOW, image, details, read_index_readers(session), thresholds=SMALL)


def _build(session: psycopg.Connection, schema: str, case: Case) -> None:
    session.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}".encode())
    for statement in case.sql.split(";"):
        if statement.strip():
            session.execute(statement.encode())
            session.execute("SELECT pg_stat_force_next_flush()")
    if case.rule != "index.bloated" or not case.verdict:
        session.execute(
            f"DO $$ DECLARE t regclass; BEGIN FOR t IN SELECT oid FROM pg_class WHERE relkind IN ('r', 'm')"
            f" AND relnamespace = '{schema}'::regnamespace LOOP EXECUTE 'ANALYZE ' || t; END LOOP; END $$".encode()
        )


def findings(whole: Facts, prefix: str, case: Case) -> list[Finding]:
    facts = replace(case, name=f"{prefix}_{case.name}").facts(whole)
    return [found for rule in RULES for found in rule(facts)]


def wrong(case: Case, found: Iterable[Finding]) -> list[Finding]:
    """What must not have been said of a trap."""
    said = []
    for each in found:
        about = each.rule == case.rule and (not case.object or f'"{case.object}"' in each.object)
        acted = each.verdict in ACTED_ON[each.rule] if each.rule in ACTED_ON else bool(each.forward_sql)
        if about and acted:
            said.append(each)
    return said


def right(case: Case, found: Iterable[Finding]) -> list[Finding]:
    return [
        each
        for each in found
        if (each.rule, each.verdict) == (case.rule, case.verdict) and f'"{case.object}"' in each.object
    ]


@pytest.mark.parametrize("case", TRAPS, ids=lambda case: case.name)
def test_a_trap_is_not_stepped_into(whole: Facts, case: Case) -> None:
    found = findings(whole, "trap", case)
    assert not wrong(case, found)
    if case.verdict:
        assert right(case, found), [(each.rule, each.object, each.verdict) for each in found]


@pytest.mark.parametrize("case", TRUE, ids=lambda case: case.name)
def test_a_true_case_is_found(whole: Facts, case: Case) -> None:
    found = findings(whole, "true", case)
    assert right(case, found), [(each.rule, each.object, each.verdict) for each in found]


@dataclass
class Counts:
    said: int = 0
    wrong: int = 0
    there: int = 0
    found: int = 0


def test_precision_and_recall(whole: Facts) -> None:
    assert len(TRAPS) >= 40
    assert len(TRUE) >= 40
    counts = Counts()
    for case in TRAPS:
        false = len(wrong(case, findings(whole, "trap", case)))
        counts.said += false
        counts.wrong += false
    for case in TRUE:
        hit = bool(right(case, findings(whole, "true", case)))
        counts.said += hit
        counts.there += 1
        counts.found += hit
    precision, recall = 1 - counts.wrong / counts.said, counts.found / counts.there
    print(f"{len(TRAPS)} traps, {len(TRUE)} true cases: precision {precision:.3f}, recall {recall:.3f}")
    assert precision == 1.0
    assert recall == 1.0


def test_nothing_goes_together_that_must_not(whole: Facts) -> None:
    """Carried out together, the advice leaves a survivor for each index, and one for each foreign key."""
    for prefix, cases in (("trap", TRAPS), ("true", TRUE)):
        for case in cases:
            facts = replace(case, name=f"{prefix}_{case.name}").facts(whole)
            gone = {f.object for rule in RULES for f in rule(facts) if f.forward_sql.startswith("DROP ")}
            for table in facts.tables.values():
                left = [d for d in facts.details.values() if d.table_name == table.name]
                left = [d for d in left if f'"{d.schema}"."{d.name}"' not in gone]
                for key in table.foreign_keys:
                    wanted = frozenset(key.columns)
                    had = any(serves(facts, d, wanted) for d in facts.details.values() if d.table_name == table.name)
                    assert not had or any(serves(facts, d, wanted) for d in left), case.name


def test_a_change_takes_what_is_advised(whole: Facts, database: str) -> None:
    """Each statement that a finding gives is one that a kind of change knows."""
    kinds = [kind_of(name) for name in NAMES if name != "manual"]
    drafted: dict[str, int] = {}
    with psycopg.connect(database, autocommit=True) as session:
        for case in TRUE:
            for found in findings(whole, "true", case):
                if found.forward_sql:
                    drafts = (kind.draft(session, found.forward_sql) for kind in kinds)
                    draft = next((each for each in drafts if each is not None), None)
                    assert draft is not None, found.forward_sql
                    drafted[draft.kind] = drafted.get(draft.kind, 0) + 1
    assert {"drop_index", "create_index", "reindex", "vacuum"} <= set(drafted)
